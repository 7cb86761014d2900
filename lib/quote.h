// Parts of messages. Text from outside as they quote it: one line of UTF-8, whatever it holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace duel {

/// How many bytes the character at the beginning of a text that is not empty takes: a whole UTF-8 sequence,
/// or 1 where there is none.
size_t length_of_character(std::string_view text);

/// The text with control characters, and bytes that are no UTF-8, as \n, \t, \r or \x01.
std::string printable(std::string_view text);

/// As much of a text as a message quotes, printable(): all of up to 80 bytes, else about 80 around the one
/// numbered `at`, with "..." where something is left out.
std::string quoted_around(std::string_view text, size_t at);

/// "1 step", "2 steps".
std::string counted(int64_t count, std::string_view what);

}  // namespace duel
