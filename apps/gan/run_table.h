// Tables that observers keep in a run's folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace duel::gan {

/// A file of comma-separated values (RFC 4180) whose first column is the epoch.
class RunTable {
 public:
  RunTable(std::filesystem::path path) : path_(std::move(path)) {}

  /// Adds a row; the first one writes `head` before it. Throws Error if the file cannot be written.
  void append(const std::vector<std::string>& head, const std::vector<std::string>& row) const;
  /// Drops the rows of later epochs, which a resumed run writes again, and a last one that was cut short.
  void drop_after_epoch(int64_t epoch) const;

 private:
  std::filesystem::path path_;
};

}  // namespace duel::gan
