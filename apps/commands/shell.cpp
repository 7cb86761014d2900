#include "apps/commands/shell.h"

#include <algorithm>
#include <cerrno>  // program_invocation_name
#include <cstdint>

namespace duel::commands {

std::string for_shell(std::string_view word) {
  constexpr std::string_view plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./+-:,@%=";
  const bool is_plain = !word.empty() && std::all_of(word.begin(), word.end(), [=](char c) {
    return plain.find(c) != plain.npos || static_cast<uint8_t>(c) >= 0x80;  // letters of other languages
  });
  if (is_plain) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string path_for_shell(const std::filesystem::path& path) {
  const std::string text = path.string();
  return for_shell(text.starts_with('-') ? "./" + text : text);
}

std::string resume_option(const std::filesystem::path& folder) {
  return "--resume " + path_for_shell(folder);
}

std::string resume_command(const std::filesystem::path& folder) {
  return train_command() + " " + resume_option(folder);
}

std::string train_command() {
#if defined(__linux__)
  const char* const program = program_invocation_name;
#else
  const char* const program = "./apps/dcgan";
#endif
  return for_shell(program) + " train";
}

}  // namespace duel::commands
