#include "apps/gan/run_table.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "lib/error.h"
#include "lib/io/file.h"

namespace duel::gan {
namespace {

std::string field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string line(const std::vector<std::string>& fields) {
  std::string text;
  for (const std::string& part : fields) {
    if (!text.empty()) text += ',';
    text += field(part);
  }
  return text + "\n";
}

}  // namespace

void RunTable::append(const std::vector<std::string>& head, const std::vector<std::string>& row) const {
  std::ofstream out(path_, std::ios::app);
  if (out && out.tellp() == 0) out << line(head);
  out << line(row) << std::flush;
  check(out.good(), path_.string(), ": cannot be written: ", std::strerror(errno));
}

void RunTable::drop_after_epoch(int64_t epoch) const {
  if (!std::filesystem::exists(path_)) return;
  std::ifstream in(path_);
  std::string kept, text;
  for (bool first = true; std::getline(in, text) && !in.eof(); first = false) {
    long long at = 0;
    if (first || (std::sscanf(text.c_str(), "%lld,", &at) == 1 && at <= epoch)) kept += text + "\n";
  }
  write_file_atomically(path_, kept);
}

}  // namespace duel::gan
