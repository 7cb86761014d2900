// Commands that messages advise: to be copied into a shell as they are.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace duel::commands {

/// A word as a POSIX shell reads it back: in single quotes where it holds what a shell takes for more than
/// itself.
std::string for_shell(std::string_view word);

/// Likewise a path, which is taken for no option.
std::string path_for_shell(const std::filesystem::path& path);

/// "dcgan train", with the program's name as it was called.
std::string train_command();

/// "--resume FOLDER".
std::string resume_option(const std::filesystem::path& folder);

/// The command that continues the run in a folder.
std::string resume_command(const std::filesystem::path& folder);

}  // namespace duel::commands
