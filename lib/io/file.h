// Reading and writing whole files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace duel {

/// The bytes of a file. Throws Error that names the path and the system's reason.
std::vector<uint8_t> read_file(const std::filesystem::path& path);

/// The bytes of a file, of which only those that are looked at are read. Throws Error like read_file(). A
/// file that is replaced meanwhile stays as it was; one that is cut short in place must not be.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const uint8_t> bytes() const { return bytes_; }

 private:
  std::span<const uint8_t> bytes_;
  std::vector<uint8_t> copy_;  ///< of what cannot be mapped: a pipe, say
};

/// The paths of everything that stands directly in a folder, in bytewise order. Throws Error like
/// read_file().
std::vector<std::filesystem::path> list_folder(const std::filesystem::path& folder);

/// What the system says against new files in a folder; empty where they can be made.
std::string why_not_writable(const std::filesystem::path& folder);
/// Likewise of a folder that may have to be made first, and those around it.
std::string why_not_fillable(const std::filesystem::path& folder);

/// Throws Error: "cannot WHAT PATH", and the system's reason in errno. A full disk gets advice.
[[noreturn]] void fail_with_errno(const char* what, const std::filesystem::path& path);

/// Replaces the file `path` (or creates it) so that at every moment, a crash or power cut included, it holds
/// either all of its old bytes or all of the new ones: the bytes go to a temporary file in the same folder,
/// which is flushed to the disk and then renamed. Throws Error with the path and the system's reason (full
/// disk, folder not writable, ...); the old file is then whole and the temporary one gone. The new
/// file has the permissions of the old one. A link is replaced, and what it leads to stays as it was: in a
/// run's folder that may be another checkpoint.
void write_file_atomically(const std::filesystem::path& path, std::span<const uint8_t> bytes);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace duel
