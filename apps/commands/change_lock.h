// One process at a time changes a file.
#pragma once

#include <filesystem>
#include <optional>

#include "lib/io/file_descriptor.h"

namespace duel::commands {

/// While it lives, no other process holds one for the same file: what is read from the file, changed and
/// written back loses nothing that others have added. Waits for its turn. The hidden file beside it that
/// the processes meet at is gone when the last has ended; one that a killed process left does not block.
/// Throws Error where the folder cannot be written. File systems without locks give none.
class ChangeLock {
 public:
  explicit ChangeLock(const std::filesystem::path& path);
  ~ChangeLock();
  ChangeLock(const ChangeLock&) = delete;
  ChangeLock& operator=(const ChangeLock&) = delete;

 private:
  /// Whether the locked file is still the one that others would open.
  bool is_current() const;

  std::filesystem::path lock_;
  std::optional<FileDescriptor> file_;
};

}  // namespace duel::commands
