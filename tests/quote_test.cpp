// Text of others in messages: what a terminal would take for a command, or no reader knows, is written out.
#include "lib/quote.h"

#include <gtest/gtest.h>

namespace duel {
namespace {

TEST(Quote, LeavesTextAlone) {
  for (const char* text : {"", "a b~", "h\u00e9", "\u4e2d", "\U0001f600"}) EXPECT_EQ(printable(text), text);
}

TEST(Quote, WritesControlCharactersOut) {
  EXPECT_EQ(printable("a\nb\tc\r\x1b[2J\x7f"), "a\\nb\\tc\\r\\x1b[2J\\x7f");
  EXPECT_EQ(printable("\u009b2J"), "\\xc2\\x9b2J");  // the same command in one character
}

TEST(Quote, WritesOutWhatIsNoText) {
  EXPECT_EQ(printable("a\xff\xc3"), "a\\xff\\xc3");
  EXPECT_EQ(printable("\xc1\x9b"), "\\xc1\\x9b") << "an escape in more bytes than it takes";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "half of a pair of UTF-16";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond the last character";
}

TEST(Counted, IsSingularForOneAlone) {
  EXPECT_EQ(counted(0, "step"), "0 steps");
  EXPECT_EQ(counted(1, "step"), "1 step");
  EXPECT_EQ(counted(12, "step"), "12 steps");
}

}  // namespace
}  // namespace duel
