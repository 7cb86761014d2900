#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lib/io/file.h"
#include "lib/io/memory.h"
#include "tests/file_size_limit.h"
#include "tests/files.h"

namespace {
int synced = 0;

/// What the next calls do instead of what they should, one each, and then nothing any more.
enum class Instead { Nothing, IoError, InvalidArgument, TakeAway };
std::vector<Instead> instead;
}  // namespace

/// The system's, counted: this one is found first.
extern "C" int fsync(int descriptor) {
  ++synced;
  Instead now = Instead::Nothing;
  if (!instead.empty()) {
    now = instead.front();
    instead.erase(instead.begin());
  }
  if (now == Instead::IoError || now == Instead::InvalidArgument) {
    errno = now == Instead::IoError ? EIO : EINVAL;
    return -1;
  }
  const int result = static_cast<int>(::syscall(SYS_fsync, descriptor));
  if (now == Instead::TakeAway) ::close(descriptor);  // so that closing it is an error
  return result;
}

namespace duel {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  const std::vector<uint8_t> bytes = read_file(path);
  return {bytes.begin(), bytes.end()};
}

int64_t files_in(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

TEST(File, ReadsBackWhatWasWritten) {
  TemporaryFolder folder;
  std::vector<uint8_t> bytes(100'000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * i >> 3);
  write_file_atomically(folder / "a", bytes);
  EXPECT_EQ(read_file(folder / "a"), bytes);
  write_file_atomically(folder / "empty", "");
  EXPECT_TRUE(read_file(folder / "empty").empty());
}

TEST(File, IsOnTheDiskWhenItHasItsName) {
  TemporaryFolder folder;
  synced = 0;
  write_file_atomically(folder / "a", "text");
  EXPECT_EQ(synced, 2);  // the file before it is renamed, the folder afterwards
}

TEST(File, ReadsAFileThatClaimsNoSize) { EXPECT_TRUE(contains(text_of("/proc/self/status"), "Name:")); }

TEST(File, ReadsNoDevice) {
  EXPECT_EQ(error_of([] { read_file("/dev/zero"); }), "cannot read /dev/zero: it is a device; name a file");
  EXPECT_THROW(MappedFile("/dev/zero"), Error);
}

TEST(File, ReplacesAndLeavesNothingElseBehind) {
  TemporaryFolder folder;
  write_file_atomically(folder / "a", "a longer first content");
  write_file_atomically(folder / "a", "second");
  EXPECT_EQ(text_of(folder / "a"), "second");
  EXPECT_EQ(files_in(folder.path()), 1);
}

TEST(File, GivesTheUsualPermissions) {
  TemporaryFolder folder;
  const mode_t mask = ::umask(0022);
  write_file_atomically(folder / "a", "x");
  ::umask(mask);
  EXPECT_EQ(fs::status(folder / "a").permissions(), fs::perms{0644});
}

TEST(File, KeepsThePermissionsOfAFileThatItReplaces) {
  TemporaryFolder folder;
  const mode_t mask = ::umask(0022);
  for (const mode_t mode : {mode_t{0600}, mode_t{0664}, mode_t{0400}}) {
    folder.write(std::to_string(mode), "old");
    ::chmod((folder / std::to_string(mode)).c_str(), mode);
    write_file_atomically(folder / std::to_string(mode), "new");
    EXPECT_EQ(fs::status(folder / std::to_string(mode)).permissions(), fs::perms{mode});
  }
  fs::create_symlink(std::to_string(0600), folder / "link");
  write_file_atomically(folder / "link", "new");
  EXPECT_EQ(fs::status(folder / "link").permissions(), fs::perms{0644}) << "a link has none of its own";
  ::umask(mask);
}

TEST(File, WritesIntoTheCurrentFolder) {
  TemporaryFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  write_file_atomically("name", "x");
  fs::current_path(before);
  EXPECT_EQ(text_of(folder / "name"), "x");
}

TEST(File, NamesMayBeAsLongAsTheSystemAllows) {
  TemporaryFolder folder;
  const std::string name(255, 'n');
  write_file_atomically(folder / name, "x");
  EXPECT_EQ(text_of(folder / name), "x");
  EXPECT_EQ(files_in(folder.path()), 1);
}

TEST(File, FullDiskLeavesTheOldFileWhole) {
  TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  std::string message;
  {
    FileSizeLimit limit(10'000);
    message = error_of([&] { write_file_atomically(folder / "a", std::string(20'000, 'x')); });
  }
  EXPECT_TRUE(contains(message, (folder / "a").string() + ": File too large")) << message;
  EXPECT_EQ(text_of(folder / "a"), "old");
  EXPECT_EQ(files_in(folder.path()), 1);
}

// Who may write into a folder may not be allowed to read it, and then cannot flush it either.
TEST(File, AFolderThatCannotBeReadIsWrittenInto) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs to act as somebody else";
  TemporaryFolder folder;
  fs::permissions(folder.path(), fs::perms{0333});
  ASSERT_EQ(::seteuid(65534), 0);
  EXPECT_NO_THROW(write_file_atomically(folder / "a", "new"));
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_EQ(text_of(folder / "a"), "new");
}

// A network's file system may say so late: when what was written is to reach the disk, or at closing.
TEST(File, AnErrorAfterWritingLeavesTheOldFileWhole) {
  TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  for (const auto& [how, reason] :
       {std::pair{Instead::IoError, "Input/output error"}, {Instead::TakeAway, "Bad file descriptor"}}) {
    instead = {how};
    EXPECT_EQ(error_of([&] { write_file_atomically(folder / "a", "new"); }),
              concat("cannot write ", (folder / "a").string(), ": ", reason));
    EXPECT_EQ(text_of(folder / "a"), "old");
    EXPECT_EQ(files_in(folder.path()), 1);
  }
}

TEST(File, SaysSoWhereItsNameMayNotBeOnTheDiskUnlessFoldersNeverAre) {
  TemporaryFolder folder;
  instead = {Instead::Nothing, Instead::IoError};
  EXPECT_EQ(error_of([&] { write_file_atomically(folder / "a", "x"); }),
            concat("cannot flush the folder of ", (folder / "a").string(), ": Input/output error"));
  instead = {Instead::Nothing, Instead::InvalidArgument};
  EXPECT_NO_THROW(write_file_atomically(folder / "a", "y"));
  EXPECT_TRUE(instead.empty());
  EXPECT_EQ(text_of(folder / "a"), "y");
}

TEST(File, NamesPathAndReason) {
  TemporaryFolder folder;
  write_file_atomically(folder / "file", "x");
  fs::create_directory(folder / "folder");

  std::string message = error_of([&] { read_file(folder / "none"); });
  EXPECT_EQ(message, "cannot read " + (folder / "none").string() + ": No such file or directory");
  message = error_of([&] { read_file(folder / "folder"); });
  EXPECT_EQ(message, "cannot read " + (folder / "folder").string() + ": Is a directory");
  message = error_of([&] { write_file_atomically(folder / "none/a", "x"); });
  EXPECT_EQ(message, "cannot write " + (folder / "none/a").string() + ": No such file or directory");
  message = error_of([&] { write_file_atomically(folder / "file/a", "x"); });
  EXPECT_EQ(message, "cannot write " + (folder / "file/a").string() + ": Not a directory");
  message = error_of([&] { write_file_atomically(folder / "folder", "x"); });
  EXPECT_EQ(message, "cannot write " + (folder / "folder").string() + ": Is a directory");
  EXPECT_EQ(files_in(folder.path()), 2);
}

TEST(File, MappedBytesAreThoseOfTheFileAndStayWhenItIsReplaced) {
  TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  write_file_atomically(folder / "empty", "");
  const auto text = [](const MappedFile& file) {
    return std::string(file.bytes().begin(), file.bytes().end());
  };
  const MappedFile file(folder / "a");
  write_file_atomically(folder / "a", "new and longer");
  EXPECT_EQ(text(file), "old");
  EXPECT_EQ(text(MappedFile(folder / "a")), "new and longer");
  EXPECT_EQ(text(MappedFile(folder / "empty")), "");
  EXPECT_EQ(text(MappedFile("/proc/self/comm")), text_of("/proc/self/comm"));
  const std::string message = error_of([&] { MappedFile{folder / "none"}; });
  EXPECT_EQ(message, "cannot read " + (folder / "none").string() + ": No such file or directory");
  fs::create_directory(folder / "folder");
  EXPECT_EQ(error_of([&] { MappedFile{folder / "folder"}; }),
            "cannot read " + (folder / "folder").string() + ": Is a directory");
}

TEST(File, WritersAtTheSameTimeDoNotMix) {
  TemporaryFolder folder;
  const std::string contents[] = {std::string(50'000, 'a'), std::string(70'000, 'b')};
  {
    std::vector<std::jthread> writers;
    for (const std::string& content : contents) {
      writers.emplace_back([&] {
        for (int i = 0; i < 20; ++i) write_file_atomically(folder / "a", content);
      });
    }
  }
  const std::string last = text_of(folder / "a");
  EXPECT_TRUE(last == contents[0] || last == contents[1]);
  EXPECT_EQ(files_in(folder.path()), 1);
}

TEST(Memory, IsWithinWhatTheMachineHas) {
  const int64_t total = static_cast<int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  EXPECT_GT(available_memory(), 0);
  EXPECT_LE(available_memory(), total);
}

TEST(WriteFile, WhatALinkLeadsToStays) {
  const TemporaryFolder folder;
  folder.write("real.txt", "old");
  std::filesystem::create_symlink("real.txt", folder / "link.txt");
  write_file_atomically(folder / "link.txt", std::string_view("new"));
  const auto text = [&](const char* name) {
    const auto bytes = read_file(folder / name);
    return std::string(bytes.begin(), bytes.end());
  };
  EXPECT_EQ(text("real.txt"), "old");
  EXPECT_EQ(text("link.txt"), "new");
}

}  // namespace
}  // namespace duel
