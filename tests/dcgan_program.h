// The program dcgan as its users meet it: run with arguments in a folder of its own.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/io/file.h"
#include "tests/files.h"

namespace duel {

using Words = std::vector<std::string>;

inline Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// What a run of the program left behind.
struct Finished {
  int code = 0;  ///< as a shell gives it: 128 + the signal for a run that a signal ended
  std::string out, err;
};

/// A folder that goes away with it, and the program run in there.
class Program {
 public:
  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }
  const TemporaryFolder& folder() const { return folder_; }

  /// Starts the program and returns at once. No file may grow beyond `file_limit` bytes, where that is
  /// positive, as if the disk were full.
  pid_t start(const Words& words, uint64_t file_limit = 0) const {
    const int out = create(folder_ / "stdout"), err = create(folder_ / "stderr");
    const pid_t child = start(words, out, err, file_limit);
    ::close(out);
    ::close(err);
    return child;
  }

  /// Likewise, with stdout and stderr on an open file.
  pid_t start_on(int file, const Words& words) const { return start(words, file, file, 0); }

  Finished wait(pid_t child) const {
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), text("stdout"), text("stderr")};
  }

  Finished run(const Words& words, uint64_t file_limit = 0) const { return wait(start(words, file_limit)); }

  /// Likewise, with stdout on an open file, or closed where `out` is -1.
  Finished run_with_stdout(int out, const Words& words) const {
    const int err = create(folder_ / "stderr");
    ::close(create(folder_ / "stdout"));  // what wait() reads
    const pid_t child = start(words, out, err, 0);
    ::close(err);
    return wait(child);
  }

  /// Runs what must succeed, and without a word on stderr.
  std::string good(const Words& words) const {
    const Finished finished = run(words);
    EXPECT_EQ(finished.code, 0) << testing::PrintToString(words);
    EXPECT_EQ(finished.err, "") << testing::PrintToString(words);
    return finished.out;
  }

  /// Runs what must fail with one line on stderr that names `part`; returns the line.
  std::string bad(const Words& words, const std::string& part, uint64_t file_limit = 0) const {
    const Finished finished = run(words, file_limit);
    EXPECT_TRUE(finished.code == 1 || finished.code == 2)
        << finished.code << ": " << testing::PrintToString(words);
    EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
    EXPECT_TRUE(finished.err.starts_with("dcgan: ")) << finished.err;
    EXPECT_TRUE(contains(finished.err, part)) << "'" << part << "' is not in: " << finished.err;
    return finished.err;
  }

  bool exists(const std::string& name) const { return std::filesystem::exists(folder_ / name); }
  std::vector<uint8_t> bytes(const std::string& name) const { return read_file(folder_ / name); }
  std::string text(const std::string& name) const {
    const std::vector<uint8_t> all = bytes(name);
    return {all.begin(), all.end()};
  }
  Words lines(const std::string& name) const {
    Words lines;
    std::istringstream in(text(name));
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
  /// A run's metrics.csv without the last column, the speed.
  Words metrics(const std::string& run) const {
    Words rows = lines(run + "/metrics.csv");
    for (std::string& row : rows) row.resize(row.rfind(','));
    return rows;
  }
  /// The names in a folder, sorted.
  Words names(const std::string& folder) const {
    Words names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / folder))
      names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  static int create(const std::string& path) {
    return ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  }

  pid_t start(const Words& words, int out, int err, uint64_t file_limit) const {
    std::vector<const char*> argv{DUEL_DCGAN};
    for (const std::string& word : words) argv.push_back(word.c_str());
    argv.push_back(nullptr);
    // A program that is not asked for a card finds none, so that these tests are the same everywhere.
    const bool on_card = std::any_of(words.begin(), words.end(), [](const std::string& word) {
      return word.starts_with("cuda") || word == "auto";
    });
    std::vector<char*> environment;
    char no_card[] = "CUDA_VISIBLE_DEVICES=";
    if (!on_card) environment.push_back(no_card);
    for (char** variable = environ; *variable; ++variable) {
      if (on_card || !std::string_view(*variable).starts_with(no_card)) environment.push_back(*variable);
    }
    environment.push_back(nullptr);
    const std::string here = folder_.path();
    const pid_t child = ::fork();
    if (child != 0) return child;
    // Between fork and exec only calls that are safe there.
    const int moved = out < 0 ? ::close(STDOUT_FILENO) : ::dup2(out, STDOUT_FILENO);
    if (::chdir(here.c_str()) != 0 || moved < 0 || ::dup2(err, STDERR_FILENO) < 0) ::_exit(126);
    if (file_limit > 0) {
      const rlimit limit{file_limit, file_limit};
      if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(126);
    }
    ::execve(argv[0], const_cast<char* const*>(argv.data()), environment.data());
    ::_exit(127);
  }

  TemporaryFolder folder_;
};

/// A training run as small as one can be: four iterations of 8 pictures an epoch. What `more` names is taken
/// from there; of data that it names none are drawn.
inline Words tiny_train(const Words& more = {}) {
  Words words{"train"};
  const auto names = [&](const char* option) {
    return std::find(more.begin(), more.end(), option) != more.end();
  };
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"--g-dim", "4"},
                                                        {"--d-dim", "4"},
                                                        {"--z-dim", "8"},
                                                        {"--batch-size", "8"},
                                                        {"--synthetic-count", "32"},
                                                        {"--log-every", "2"},
                                                        {"--threads", "1"}}) {
    if (!names(name.c_str()) && !(name == "--synthetic-count" && names("--data")))
      words = words + Words{name, value};
  }
  return words + more;
}

}  // namespace duel
