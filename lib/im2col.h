// The index arithmetic of im2col, shared by every backend and tested on its own.
//
// A convolution is a matrix product once each output pixel's receptive field is laid out as one row: the
// im2col matrix has gemm_m = N*OH*OW rows and gemm_k = KH*KW*IC columns. Channels-last, each run of IC
// columns (one tap) is one run of memory in x.
#pragma once

#include <cstdint>

#include "lib/conv2d_shape.h"
#include "lib/host_device.h"

namespace duel {

/// The index into x of element (row, column) of the im2col matrix, or -1 where it lies on the padding.
DUEL_HOST_DEVICE inline int64_t im2col_source(const Conv2dShape& s, int64_t row, int64_t column) {
  const int64_t ox = row % s.ow, oy = row / s.ow % s.oh, n = row / (s.ow * s.oh);
  const int64_t ic = column % s.ic, kx = column / s.ic % s.kw, ky = column / (s.ic * s.kw);
  const int64_t iy = oy * s.stride_h - s.pad_h + ky, ix = ox * s.stride_w - s.pad_w + kx;
  if (iy < 0 || iy >= s.ih || ix < 0 || ix >= s.iw) return -1;
  return ((n * s.ih + iy) * s.iw + ix) * s.ic + ic;
}

}  // namespace duel
