// The data gradient of a strided convolution, the forward of transposed convolution, as a convolution of
// stride 1: the stride_h x stride_w pixels of dx that lie together, a square, are taken for the channels of
// one pixel (Shi et al., "Is the deconvolution layer the same as a convolutional layer?", arXiv:1609.07009,
// 2016). Each of them meets only some of the taps that the square meets; the weight of the others is 0.
//
// Phases (conv2d_patches.h) multiply nothing by such zeros, but each of them reads all of dy. Where pictures
// of one or three channels are made, a product takes as long as it reads, and has columns to spare.
#pragma once

#include "cuda/conv2d_patches.h"
#include "lib/conv2d_shape.h"
#include "lib/host_device.h"

namespace duel::cuda {

/// One axis. Pixel r of square i is i * stride + r; it meets tap r + padding - d * stride in pixel i + d of
/// dy.
struct SubpixelAxis {
  int squares;
  int first, taps;  // the least d at which one of its pixels meets a tap, and how many there are
  int first_tap;    // of the weight: what pixel 0 meets at the least d, inside of the weight or not

  static SubpixelAxis of(int64_t size, int64_t kernel, int64_t stride, int64_t padding) {
    const auto floor_divide = [](int64_t a, int64_t b) { return a / b - (a % b < 0); };
    const int64_t first = -floor_divide(kernel - 1 - padding, stride),
                  last = floor_divide(stride - 1 + padding, stride);
    return {static_cast<int>(size / stride), static_cast<int>(first), static_cast<int>(last - first + 1),
            static_cast<int>(padding - first * stride)};
  }
};

/// With P the matrix of the patches of dy, a square of dx a row, and V, (columns, P's columns), what weight()
/// says of the weight: P V^T has the squares' pixels for its columns, (stride_h, stride_w, ic).
struct Subpixels {
  PatchMatrix patches;
  Divisor channels, run;  // of dx; and what lies together in a line of dx: stride_w * ic
  int kh, kw, stride_h, stride_w, first_tap_y, first_tap_x;
  int iw;

  DUEL_HOST_DEVICE int columns() const { return stride_h * run; }

  /// Where element (column, k) of V lies in the weight (oc, kh, kw, ic), or -1 if it is 0.
  DUEL_HOST_DEVICE int weight(int column, int k) const {
    const auto [tap, oc] = patches.channels.divide(k);
    const auto [ty, tx] = patches.taps_x.divide(tap);
    const auto [y, in_run] = run.divide(column);
    const auto [x, ic] = channels.divide(in_run);
    const int ky = first_tap_y + y - ty * stride_h, kx = first_tap_x + x - tx * stride_w;
    if (ky < 0 || ky >= kh || kx < 0 || kx >= kw) return -1;
    return ((oc * kh + ky) * kw + kx) * channels + ic;
  }
  /// If runs are even, so many columns from a multiple of it on are neighbours in dx.
  static constexpr int neighbours = 2;
  /// Where the square of row m begins in dx, and how much further its column lies.
  DUEL_HOST_DEVICE int64_t square(int m) const {
    const auto [line, j] = patches.grid_w.divide(m);  // line: of squares, over all pictures
    return (int64_t{line} * stride_h * iw + j * stride_w) * channels;
  }
  DUEL_HOST_DEVICE int place(int column) const {
    const auto [y, in_run] = run.divide(column);
    return y * iw * channels + in_run;
  }
  /// The channel of dx that a column is of.
  DUEL_HOST_DEVICE int channel(int column) const { return channels.divide(column).remainder; }
};

/// Whether pictures of x divide into squares.
inline bool divides_into_squares(const Conv2dShape& s) {
  return s.ih % s.stride_h == 0 && s.iw % s.stride_w == 0;
}
/// Of a shape that does.
inline Subpixels subpixels_of(const Conv2dShape& s) {
  const SubpixelAxis y = SubpixelAxis::of(s.ih, s.kh, s.stride_h, s.pad_h);
  const SubpixelAxis x = SubpixelAxis::of(s.iw, s.kw, s.stride_w, s.pad_w);
  const auto i = [](int64_t value) { return static_cast<int>(value); };
  const PatchMatrix patches{i(s.n), y.squares, x.squares, i(s.oh), i(s.ow), i(s.oc), y.taps,
                            x.taps, y.first,   1,         1,       x.first, 1,       1};
  return {.patches = patches,
          .channels = i(s.ic),
          .run = i(s.stride_w * s.ic),
          .kh = i(s.kh),
          .kw = i(s.kw),
          .stride_h = i(s.stride_h),
          .stride_w = i(s.stride_w),
          .first_tap_y = y.first_tap,
          .first_tap_x = x.first_tap,
          .iw = i(s.iw)};
}

}  // namespace duel::cuda
