#include "lib/quote.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace duel {
namespace {

bool continues(char c) { return (static_cast<uint8_t>(c) & 0xc0) == 0x80; }

/// The code point of a sequence of `length` bytes.
uint32_t code_point(std::string_view text, size_t length) {
  const auto first = static_cast<uint8_t>(text[0]);
  if (length == 1) return first;
  uint32_t code = first & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) code = code << 6 | (static_cast<uint8_t>(text[i]) & 0x3f);
  return code;
}

/// The bytes of the well-formed sequence (RFC 3629) that the text begins with; 0 if there is none.
size_t sequence(std::string_view text) {
  const auto first = static_cast<uint8_t>(text[0]);
  const size_t length = first < 0x80       ? 1
                        : first >> 5 == 6  ? 2
                        : first >> 4 == 14 ? 3
                        : first >> 3 == 30 ? 4
                                           : 0;
  if (length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i)
    if (!continues(text[i])) return 0;
  constexpr uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const uint32_t code = code_point(text, length);
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  return code >= least[length] && code <= 0x10ffff && !surrogate ? length : 0;
}

bool is_control(uint32_t code) { return code < 0x20 || (code >= 0x7f && code < 0xa0); }

std::string escaped(char c) {
  if (c == '\n') return "\\n";
  if (c == '\t') return "\\t";
  if (c == '\r') return "\\r";
  char text[8];
  std::snprintf(text, sizeof text, "\\x%02x", static_cast<unsigned>(static_cast<uint8_t>(c)));
  return text;
}

}  // namespace

size_t length_of_character(std::string_view text) { return std::max<size_t>(1, sequence(text)); }

std::string printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const size_t whole = sequence(text), length = std::max<size_t>(1, whole);
    if (whole > 0 && !is_control(code_point(text, whole))) {
      result += text.substr(0, whole);
    } else {
      for (const char c : text.substr(0, length)) result += escaped(c);
    }
    text.remove_prefix(length);
  }
  return result;
}

std::string quoted_around(std::string_view text, size_t at) {
  constexpr size_t most = 80;
  if (text.size() <= most) return printable(text);
  size_t begin = std::min(at - std::min(at, most / 2), text.size() - most), end = begin + most;
  // Not within a character, which has at most three bytes after its first.
  for (int i = 0; i < 3 && begin > 0 && continues(text[begin]); ++i) ++begin;
  for (int i = 0; i < 3 && end < text.size() && continues(text[end]); ++i) --end;
  return (begin > 0 ? "..." : "") + printable(text.substr(begin, end - begin)) +
         (end < text.size() ? "..." : "");
}

std::string counted(int64_t count, std::string_view what) {
  return (std::to_string(count) + ' ').append(what) + (count == 1 ? "" : "s");
}

}  // namespace duel
