// dcgan train on a terminal: one progress line that stays within the width and in nobody's way.
#include <fcntl.h>
#include <sys/ioctl.h>

#include <cstdlib>

#include "tests/dcgan_program.h"

namespace duel {
namespace {

/// A machine whose /dev/pts is not mounted has no terminals to give.
class AppTerminal : public testing::Test {
 protected:
  void SetUp() override {
    const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
    const char* const name = terminal >= 0 ? ::ptsname(terminal) : nullptr;
    const bool exists = name != nullptr && ::access(name, F_OK) == 0;
    if (terminal >= 0) ::close(terminal);
    if (!exists) GTEST_SKIP() << "this system gives no pseudo-terminal";
  }
};

/// What the program writes on a terminal of so many columns, its stderr included.
std::string on_terminal(const Program& dcgan, const Words& words, unsigned short columns) {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  EXPECT_TRUE(terminal >= 0 && ::grantpt(terminal) == 0 && ::unlockpt(terminal) == 0);
  const int screen = ::open(::ptsname(terminal), O_RDWR | O_NOCTTY);
  winsize size{};
  size.ws_col = columns;
  size.ws_row = 24;
  EXPECT_EQ(::ioctl(screen, TIOCSWINSZ, &size), 0);
  const pid_t child = dcgan.start_on(screen, words);
  ::close(screen);
  std::string text;
  char part[4096];
  for (ssize_t count; (count = ::read(terminal, part, sizeof part)) > 0;)
    text.append(part, static_cast<size_t>(count));
  ::close(terminal);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0) << text;
  return text;
}

/// The states of the progress line, without those that blank it.
Words progress_lines(const std::string& text) {
  Words lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line, '\r');)
    if (line.starts_with("epoch ")) lines.push_back(line);
  return lines;
}

TEST_F(AppTerminal, TheProgressLineStaysWithinTheTerminal) {
  const Program dcgan;
  for (const unsigned short columns : {200, 80, 40}) {
    const std::string text =
        on_terminal(dcgan, tiny_train({"--epochs", "3", "--output", std::to_string(columns)}), columns);
    const Words lines = progress_lines(text);
    ASSERT_FALSE(lines.empty()) << text;
    for (const std::string& line : lines) EXPECT_LT(line.size(), columns) << line;
    EXPECT_EQ(contains(lines.back(), "images/s"), columns == 200) << lines.back();
    EXPECT_EQ(contains(lines.back(), " left"), columns >= 80) << lines.back();
    EXPECT_TRUE(contains(text, "\nfinished 3 epochs")) << text;
  }
}

TEST_F(AppTerminal, WhatElseIsSaidBeginsALineOfItsOwn) {
  const Program dcgan;
  const std::string text =
      on_terminal(dcgan, tiny_train({"--epochs", "2", "--output", "run", "--evaluate-every", "1"}), 100);
  const size_t at = text.find("quality after epoch 1:");
  ASSERT_NE(at, std::string::npos) << text;
  EXPECT_TRUE(text[at - 1] == '\r' || text[at - 1] == '\n') << text;
}

}  // namespace
}  // namespace duel
