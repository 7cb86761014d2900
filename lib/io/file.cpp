#include "lib/io/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "lib/error.h"
#include "lib/io/file_descriptor.h"
#include "lib/io/full_disk.h"

namespace duel {
namespace {

/// Removes a file at the end of the scope unless it has been released.
class RemovedAtExit {
 public:
  explicit RemovedAtExit(std::filesystem::path path) : path_(std::move(path)) {}
  RemovedAtExit(const RemovedAtExit&) = delete;
  RemovedAtExit& operator=(const RemovedAtExit&) = delete;
  ~RemovedAtExit() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  void release() { path_.clear(); }

 private:
  std::filesystem::path path_;
};

bool write_all(int fd, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return true;
}

/// Makes the names in a folder durable. Some file systems cannot do that for folders and say EINVAL; nor can
/// who may write into a folder but not read it.
bool flush_folder(const std::filesystem::path& folder) {
  FileDescriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor.valid()) return errno == EACCES;
  return (::fsync(descriptor.get()) == 0 || errno == EINVAL);
}

/// The permissions of the ordinary file that stands there; nothing where there is none, or a link.
std::optional<mode_t> permissions_of(const std::filesystem::path& path) {
  struct stat status {};
  const bool is_there = ::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
  return is_there ? std::optional(status.st_mode & 0777) : std::nullopt;
}

/// Beside the file, so that it can be renamed; of a name that leaves no room for more the beginning.
std::filesystem::path temporary_name(const std::filesystem::path& path) {
  static std::atomic<unsigned> counter{0};
  const std::string ending = concat(".tmp-", ::getpid(), "-", counter++), name = path.filename().string();
  return path.parent_path() / (name.substr(0, NAME_MAX - ending.size()) + ending);
}

}  // namespace

void fail_with_errno(const char* what, const std::filesystem::path& path) {
  const int reason = errno;
  const std::string message = concat("cannot ", what, " ", path.string(), ": ", std::strerror(reason));
  const char* const rest = " and try again, what was saved before is whole";
  if (reason == ENOSPC || reason == EDQUOT) throw FullDisk(concat(message, "; free some", rest));
  if (reason == EFBIG) throw FullDisk(concat(message, "; allow larger ones (ulimit -f)", rest));
  fail(message);
}

std::vector<uint8_t> read_file(const std::filesystem::path& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) fail_with_errno("read", path);
  // Some never end.
  const bool is_device = S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode);
  check(!is_device, "cannot read ", path.string(), ": it is a device; name a file");

  // One byte more than the size, so that the end of the file shows without growing the buffer.
  std::vector<uint8_t> bytes(static_cast<size_t>(status.st_size) + 1);
  size_t length = 0;
  for (;;) {
    if (length == bytes.size()) bytes.resize(2 * bytes.size());
    const ssize_t count = ::read(file.get(), bytes.data() + length, bytes.size() - length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_with_errno("read", path);
    if (count == 0) break;
    length += static_cast<size_t>(count);
  }
  bytes.resize(length);
  return bytes;
}

MappedFile::MappedFile(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) fail_with_errno("read", path);
  const auto size = static_cast<size_t>(status.st_size);
  void* const data = S_ISREG(status.st_mode) && size > 0
                         ? ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0)
                         : MAP_FAILED;
  if (data != MAP_FAILED) {
    bytes_ = {static_cast<const uint8_t*>(data), size};
  } else {
    copy_ = read_file(path);
    bytes_ = copy_;
  }
}

MappedFile::~MappedFile() {
  if (copy_.empty() && !bytes_.empty()) ::munmap(const_cast<uint8_t*>(bytes_.data()), bytes_.size());
}

std::vector<std::filesystem::path> list_folder(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    paths.push_back(entry->path());
  }
  check(!error, "cannot read ", folder.string(), ": ", error.message());
  std::sort(paths.begin(), paths.end(), [](const auto& a, const auto& b) { return a.native() < b.native(); });
  return paths;
}

std::string why_not_writable(const std::filesystem::path& folder) {
  return ::access(folder.c_str(), W_OK | X_OK) == 0 ? "" : std::strerror(errno);
}

std::string why_not_fillable(const std::filesystem::path& folder) {
  std::error_code ignored;
  std::filesystem::path there = folder;
  while (!there.empty() && !std::filesystem::exists(there, ignored)) there = there.parent_path();
  if (there.empty()) there = ".";
  return std::filesystem::is_directory(there, ignored) ? why_not_writable(there) : std::strerror(ENOTDIR);
}

void write_file_atomically(const std::filesystem::path& path, std::span<const uint8_t> bytes) {
  const std::filesystem::path temporary = temporary_name(path);
  const std::optional<mode_t> old = permissions_of(path);
  FileDescriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, old.value_or(0666)));
  if (!file.valid()) fail_with_errno("write", path);
  RemovedAtExit guard(temporary);
  // What the mask has taken away. A file system that knows no permissions refuses: the file is none the
  // worse.
  if (old) static_cast<void>(::fchmod(file.get(), *old));
  if (!write_all(file.get(), bytes) || ::fsync(file.get()) != 0 || !file.close())
    fail_with_errno("write", path);
  if (::rename(temporary.c_str(), path.c_str()) != 0) fail_with_errno("write", path);
  guard.release();
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (!flush_folder(folder)) fail_with_errno("flush the folder of", path);
}

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  write_file_atomically(path, std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

}  // namespace duel
