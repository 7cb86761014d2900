// The patches of x that the output pixels of a convolution see: the im2col matrix of fprop and wgrad.
#pragma once

#include "lib/conv2d_shape.h"
#include "ops/cpu/microkernel.h"

namespace duel::cpu {

inline Patches input_patches(const Conv2dShape& s, const float* x) {
  return {.pictures = x,
          .height = s.ih,
          .width = s.iw,
          .channels = s.ic,
          .grid_h = s.oh,
          .grid_w = s.ow,
          .step_h = s.stride_h,
          .step_w = s.stride_w,
          .first_h = -s.pad_h,
          .first_w = -s.pad_w,
          .taps_h = s.kh,
          .taps_w = s.kw};
}

}  // namespace duel::cpu
