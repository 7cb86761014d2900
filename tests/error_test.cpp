// The one exception type.
#include "lib/error.h"

#include "tests/files.h"

namespace duel {
namespace {

TEST(Error, IsOneLineOfUtf8WhateverItQuotes) {
  const auto message = [](const std::string& text) { return error_of([&] { fail("no '", text, "'"); }); };
  EXPECT_EQ(message("naïve 顔"), "no 'naïve 顔'");
  EXPECT_EQ(message("two\nlines\r\x1b[31m"), "no 'two\\nlines\\r\\x1b[31m'");
  EXPECT_EQ(message("\xff"
                    "and \xc3"),
            "no '\\xffand \\xc3'");
  EXPECT_EQ(message(std::string("a\0b", 3)), "no 'a\\x00b'");
  // An error that is told on in another one.
  EXPECT_EQ(error_of([&] { fail(message("\n")); }), "no '\\n'");
}

}  // namespace
}  // namespace duel
