// bfloat16: the upper half of a float32, with its range and 7 bits behind the point. A type to store numbers
// in; what calculates with them takes them as float32.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "lib/host_device.h"

namespace duel {

struct BFloat16 {
  uint16_t bits;

  BFloat16() = default;
  /// The nearest, an even one where two are as near; NaN stays NaN.
  DUEL_HOST_DEVICE explicit BFloat16(float x) {
    uint32_t word;
    std::memcpy(&word, &x, sizeof(word));
    bits = static_cast<uint16_t>(x != x ? 0x7fff : (word + 0x7fff + (word >> 16 & 1)) >> 16);
  }
  DUEL_HOST_DEVICE explicit operator float() const {
    const uint32_t word = static_cast<uint32_t>(bits) << 16;
    float x;  // nvcc compiles no std::bit_cast for the GPU
    std::memcpy(&x, &word, sizeof(x));
    return x;
  }
};

/// What to calculate with where elements of T are stored.
template <class T>
using Computed = std::conditional_t<std::is_same_v<T, BFloat16>, float, T>;

template <class To, class From>
DUEL_HOST_DEVICE To converted(From x) {
  return To(static_cast<Computed<To>>(static_cast<Computed<From>>(x)));
}

}  // namespace duel
