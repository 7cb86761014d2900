// Files for tests: a folder that goes away with the test, the stored fixtures, and the pictures beside the
// project.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lib/error.h"

namespace duel {

/// An empty folder of its own, removed with all that is in it at the end of the scope.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "duel-test-XXXXXX").string();
    check(::mkdtemp(name.data()) != nullptr, "cannot make the folder ", name);
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  /// Writes a file, and the folders above it, and returns its path.
  std::filesystem::path write(const std::string& name, std::span<const uint8_t> bytes) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream file(path_ / name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    check(file.good(), "cannot write ", (path_ / name).string());
    return path_ / name;
  }
  std::filesystem::path write(const std::string& name, std::string_view text) const {
    return write(name, std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  }

 private:
  std::filesystem::path path_;
};

/// A file of tests/data.
inline std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(DUEL_SOURCE_DIR) / "tests" / "data" / name;
}

/// A set of real pictures, looked for in the folder that the environment variable DUEL_SHARED names, or else
/// in
/// ../shared beside the project. They are no part of it: a test that finds none skips itself.
inline std::optional<std::filesystem::path> shared_data(const std::string& name) {
  const char* variable = std::getenv("DUEL_SHARED");
  const std::filesystem::path shared = variable != nullptr
                                           ? std::filesystem::path(variable)
                                           : std::filesystem::path(DUEL_SOURCE_DIR) / ".." / "shared";
  const std::filesystem::path path = shared / "data" / name;
  return std::filesystem::exists(path) ? std::optional(path) : std::nullopt;
}

/// The message of the Error that `action` throws; a failure of the test if it throws none.
template <class Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "no Error was thrown";
  return {};
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace duel
