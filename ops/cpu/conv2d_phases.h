// The pixels of dx with the same remainders (iy mod stride_h, ix mod stride_w) see the same taps: a phase.
#pragma once

#include <cstdint>

#include "lib/divisor.h"

namespace duel::cpu {

/// One dimension of a phase. Pixel i * stride + remainder of dx receives from pixel i + first + t of dy
/// through the tap last_tap - t * stride, for t = 0 .. taps-1.
struct PhaseAxis {
  int64_t pixels, taps, first, last_tap;

  PhaseAxis(int64_t remainder, int64_t stride, int64_t pad, int64_t kernel, int64_t size) {
    pixels = ceil_divide(size - remainder, stride);
    const int64_t first_tap = (remainder + pad) % stride;
    taps = first_tap < kernel ? ceil_divide(kernel - first_tap, stride) : 0;
    last_tap = first_tap + (taps - 1) * stride;
    first = (remainder + pad - first_tap) / stride - (taps - 1);
  }
};

}  // namespace duel::cpu
