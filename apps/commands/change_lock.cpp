#include "apps/commands/change_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <climits>
#include <string>

#include "lib/io/file.h"

namespace duel::commands {
namespace {

/// Hidden beside the file; of a name that leaves no room for more the beginning.
std::filesystem::path lock_beside(const std::filesystem::path& path) {
  const std::string ending = ".lock", name = "." + path.filename().string();
  return path.parent_path() / (name.substr(0, NAME_MAX - ending.size()) + ending);
}

}  // namespace

// The file itself cannot be locked, since writing replaces it; nor its folder, which may be that of a run
// that trains, and holds the lock of its own until it ends.
ChangeLock::ChangeLock(const std::filesystem::path& path) : lock_(lock_beside(path)) {
  for (;;) {
    file_.emplace(::open(lock_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (!file_->valid()) fail_with_errno("lock", path);
    int locked = 0;
    do locked = ::flock(file_->get(), LOCK_EX);
    while (locked != 0 && errno == EINTR);
    if (locked != 0 || is_current()) return;
  }
}

// Removed while it is locked: whoever waits for it sees that it is gone, and makes another one.
ChangeLock::~ChangeLock() {
  struct stat held {};
  const bool is_ours = ::fstat(file_->get(), &held) == 0 && held.st_size == 0;  // not a user's of that name
  if (is_ours && is_current()) ::unlink(lock_.c_str());
}

bool ChangeLock::is_current() const {
  struct stat held {
  }, there{};
  return ::fstat(file_->get(), &held) == 0 && ::stat(lock_.c_str(), &there) == 0 &&
         held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

}  // namespace duel::commands
