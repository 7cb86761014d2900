// The one exception type and the helpers that raise it.
//
// A message is one line: what was wrong, where (operation, file, option, shapes) and what to do.
// An operation's messages begin with its name in brackets: "[conv2d] weight has 3 input channels, ...".
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "lib/quote.h"

namespace duel {

/// What a message quotes from outside (names in a file, words, paths) may hold anything: it is made
/// printable().
class Error : public std::runtime_error {
 public:
  explicit Error(std::string_view message) : std::runtime_error(printable(message)) {}
};

/// The parts, streamed one after the other into one string.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(concat(parts...));
}

/// Throws Error with the parts as its message unless `ok`.
template <class... Parts>
void check(bool ok, const Parts&... parts) {
  if (!ok) fail(parts...);
}

}  // namespace duel
