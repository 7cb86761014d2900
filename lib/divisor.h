// Division of indices: rounded up; and by a number that is known beforehand, as a multiplication, since a
// card has no instruction for it, and what a division is composed of costs more than all the rest of an
// index.
#pragma once

#include <bit>
#include <cstdint>

#include "lib/host_device.h"

namespace duel {

/// a / b, rounded up; neither is negative.
DUEL_HOST_DEVICE constexpr int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// A number that is often divided by; 0 is taken for 1, since something without elements has no index.
///
/// With s = ceil(log2 d) and m = ceil(2^(31 + s) / d), which is less than 2^32, floor(n / d) = floor(n m /
/// 2^(31 + s)) for 0 <= n < 2^31: m d exceeds 2^(31 + s) by less than d <= 2^s, so the product is too large
/// by less than n 2^s / (2^(31 + s) d) < 1 / d (after Granlund and Montgomery, "Division by invariant
/// integers using multiplication", 1994). Of 2 n instead of n the upper half of the product is all that is
/// needed.
class Divisor {
 public:
  Divisor(int value = 1) : value_(value) {
    const uint64_t d = value > 0 ? static_cast<uint64_t>(value) : 1;
    shift_ = std::bit_width(d - 1);
    multiplier_ = static_cast<uint32_t>(((uint64_t{1} << (31 + shift_)) + d - 1) / d);
  }
  DUEL_HOST_DEVICE operator int() const { return value_; }

  struct Division {
    int quotient, remainder;
  };
  /// Of n, 0 <= n < 2^31.
  DUEL_HOST_DEVICE Division divide(int n) const {
    const uint32_t upper = static_cast<uint32_t>(uint64_t{2u * static_cast<uint32_t>(n)} * multiplier_ >> 32);
    const int quotient = static_cast<int>(upper >> shift_);
    return {quotient, n - quotient * value_};
  }

 private:
  int value_, shift_;
  uint32_t multiplier_;
};

/// The same for indices that may be larger, by an ordinary division.
class WideDivisor {
 public:
  WideDivisor(int64_t value = 1) : value_(value > 0 ? value : 1) {}

  struct Division {
    int64_t quotient, remainder;
  };
  DUEL_HOST_DEVICE Division divide(int64_t n) const { return {n / value_, n % value_}; }

 private:
  int64_t value_;
};

}  // namespace duel
