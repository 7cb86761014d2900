// The index arithmetic of im2col, shared by every backend and tested on its own.
//
// A convolution is a matrix product once each output pixel's receptive field is laid out as one row: the
// im2col matrix has gemm_m = N*OH*OW rows and gemm_k = KH*KW*IC columns. Channels-last, each run of IC
// columns (one tap) is one run of memory in x. For a picture of 3 x 3, a kernel of 2 x 2 and one channel:
//
//     1 2 3      1 2 4 5   output pixel (0, 0)
//     4 5 6      2 3 5 6                (0, 1)
//     7 8 9      4 5 7 8                (1, 0)
//                5 6 8 9                (1, 1)
//
// cpu::im2col() in ops/cpu/im2col.h stores it.
#pragma once

#include <cstdint>

#include "lib/conv2d_shape.h"
#include "lib/host_device.h"

namespace duel {

/// A row of the im2col matrix: the output pixel it belongs to.
struct Im2colRow {
  int64_t n, oy, ox;
};
DUEL_HOST_DEVICE inline Im2colRow im2col_row(const Conv2dShape& s, int64_t row) {
  return {row / (s.ow * s.oh), row / s.ow % s.oh, row % s.ow};
}

/// A column of it: a tap and an input channel.
struct Im2colColumn {
  int64_t ky, kx, ic;
};
DUEL_HOST_DEVICE inline Im2colColumn im2col_column(const Conv2dShape& s, int64_t column) {
  return {column / (s.ic * s.kw), column / s.ic % s.kw, column % s.ic};
}

/// The index into x of an element of the im2col matrix, or -1 where it lies on the padding.
DUEL_HOST_DEVICE inline int64_t im2col_source(const Conv2dShape& s, const Im2colRow& row,
                                              const Im2colColumn& column) {
  const int64_t iy = row.oy * s.stride_h - s.pad_h + column.ky;
  const int64_t ix = row.ox * s.stride_w - s.pad_w + column.kx;
  if (iy < 0 || iy >= s.ih || ix < 0 || ix >= s.iw) return -1;
  return ((row.n * s.ih + iy) * s.iw + ix) * s.ic + column.ic;
}
DUEL_HOST_DEVICE inline int64_t im2col_source(const Conv2dShape& s, int64_t row, int64_t column) {
  return im2col_source(s, im2col_row(s, row), im2col_column(s, column));
}

/// The transpose, seen from x: calls use(index into the im2col matrix) for every place that took element
/// `ic` of pixel `pixel` = (n * ih + iy) * iw + ix, always in the same order. So each element of x can be the
/// sum of its places by one thread, with no two threads writing to one element.
template <class Use>
DUEL_HOST_DEVICE void for_each_col2im_source(const Conv2dShape& s, int64_t pixel, int64_t ic,
                                             const Use& use) {
  const int64_t n = pixel / (s.iw * s.ih);
  const int64_t y = pixel / s.iw % s.ih + s.pad_h, x = pixel % s.iw + s.pad_w;
  // Output pixel oy sees row y - pad through tap ky = y - oy * stride: only every stride-th tap comes to a
  // pixel.
  for (int64_t ky = y % s.stride_h; ky < s.kh && ky <= y; ky += s.stride_h) {
    const int64_t oy = (y - ky) / s.stride_h;
    if (oy >= s.oh) continue;
    for (int64_t kx = x % s.stride_w; kx < s.kw && kx <= x; kx += s.stride_w) {
      const int64_t ox = (x - kx) / s.stride_w;
      if (ox >= s.ow) continue;
      use((((n * s.oh + oy) * s.ow + ox) * s.kh + ky) * s.kw * s.ic + kx * s.ic + ic);
    }
  }
}

}  // namespace duel
