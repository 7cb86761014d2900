// Convolution as a product whose im2col matrix is not stored: which element of the picture stands where in
// it.
//
// PatchMatrix describes all three kernels of conv2d. For the data gradient the pixels of dx are taken apart
// by phases: of stride * stride neighbouring pixels each meets other taps of the weight, but those of one
// phase meet the same ones, as in a convolution of stride 1. So every phase is a dense product, in which
// nothing is multiplied by the zeros between the pixels of dy and no two sums meet in one pixel of dx.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "lib/conv2d_shape.h"
#include "lib/divisor.h"
#include "lib/host_device.h"

namespace duel::cuda {

/// Row m = (n * grid_h + i) * grid_w + j is pixel (i, j) of a grid, column k = (ty * taps_x + tx) * channels
/// + c a tap and a channel. Element (m, k) is channel c of pixel (y, x) of picture n, or 0 outside of the
/// picture:
///     y = first_y + i * step_y + ty * tap_y,     x = first_x + j * step_x + tx * tap_x.
/// Rows, columns and the pixels of all pictures are fewer than 2^31; elements may be more.
struct PatchMatrix {
  int n;
  Divisor grid_h, grid_w;
  int height, width;  // of the picture
  Divisor channels;
  int taps_y;
  Divisor taps_x;
  int first_y, step_y, tap_y;
  int first_x, step_x, tap_x;

  DUEL_HOST_DEVICE int rows() const { return n * grid_h * grid_w; }
  DUEL_HOST_DEVICE int columns() const { return taps_y * taps_x * channels; }

  /// What the elements of a row have in common, and those of a column: where they are, on the picture and in
  /// memory. One past the last lies outside of every picture.
  struct Row {
    int64_t index;
    int y, x;
  };
  struct Column {
    int index, y, x;
  };
  static constexpr int outside = std::numeric_limits<int>::min() / 2;

  DUEL_HOST_DEVICE Row row(int m) const {
    const bool exists = m < rows();  // no branch: neighbouring threads may disagree
    const auto [line, j] = grid_w.divide(exists ? m : 0);
    const auto [picture, i] = grid_h.divide(line);
    const int y = first_y + i * step_y, x = first_x + j * step_x;
    const int pixel = (picture * height + y) * width + x;
    return {static_cast<int64_t>(pixel) * channels, exists ? y : outside, x};
  }
  DUEL_HOST_DEVICE Column column(int k) const {
    const bool exists = k < columns();
    const auto [tap, channel] = channels.divide(exists ? k : 0);
    const auto [ty, tx] = taps_x.divide(tap);
    const int y = ty * tap_y, x = tx * tap_x;
    return {(y * width + x) * channels + channel, exists ? y : outside, x};
  }
  /// Whether the element lies on the picture; if it does, its index is row.index + column.index.
  DUEL_HOST_DEVICE bool inside(const Row& row, const Column& column) const {
    return static_cast<unsigned>(row.y + column.y) < static_cast<unsigned>(height) &&
           static_cast<unsigned>(row.x + column.x) < static_cast<unsigned>(width);
  }
};

/// The im2col matrix of x: y = X W^T, dW = dy^T X.
inline PatchMatrix conv2d_patches(const Conv2dShape& s) {
  const auto i = [](int64_t value) { return static_cast<int>(value); };
  return {i(s.n),  i(s.oh),     i(s.ow),       i(s.ih), i(s.iw),     i(s.ic),       i(s.kh),
          i(s.kw), i(-s.pad_h), i(s.stride_h), 1,       i(-s.pad_w), i(s.stride_w), 1};
}

/// The convolution in whose weight gradient x and dy have exchanged their roles, for a stride of 1: dy is its
/// picture and x the gradient of its result. Where y is x moved by a tap t, t - pad pixels, x is y moved by
/// k - 1 - t, less k - 1 - pad: so its weight is that of `s` with its channels exchanged and its taps in the
/// opposite order.
inline Conv2dShape exchanged(const Conv2dShape& s) {
  return {.n = s.n,
          .ih = s.oh,
          .iw = s.ow,
          .ic = s.oc,
          .oh = s.ih,
          .ow = s.iw,
          .oc = s.ic,
          .kh = s.kh,
          .kw = s.kw,
          .pad_h = s.kh - 1 - s.pad_h,
          .pad_w = s.kw - 1 - s.pad_w};
}

/// Where element i of that weight, (ic, kh, kw, oc), lies in the weight of `s`.
class ExchangedWeight {
 public:
  explicit ExchangedWeight(const Conv2dShape& s)
      : oc_(static_cast<int>(s.oc)), taps_(static_cast<int>(s.kh * s.kw)), ic_(static_cast<int>(s.ic)) {}

  DUEL_HOST_DEVICE int64_t place(int64_t i) const {
    const auto [line, oc] = oc_.divide(static_cast<int>(i));
    const auto [ic, tap] = taps_.divide(line);
    return (int64_t{oc} * taps_ + (taps_ - 1 - tap)) * ic_ + ic;
  }

 private:
  Divisor oc_, taps_;
  int ic_;
};

/// One phase of the data gradient. With D the matrix of its patches of dy and V the part of the weight that
/// it meets, its pixels of dx are D V.
struct DgradPhase {
  PatchMatrix patches;     // of dy; the grid is that of the phase's pixels
  int first_iy, first_ix;  // of these pixels in dx, stride apart
  int first_weight;        // where V begins in the weight (oc, kh, kw, ic), and how far apart its rows are
  int weight_oc, weight_ty, weight_tx;
  int weight_ic;                   // how far apart its columns are
  int ih, iw, stride_h, stride_w;  // of the convolution

  /// Where row m lies in dx: an index of pixels.
  DUEL_HOST_DEVICE int pixel(int m) const {
    const auto [line, j] = patches.grid_w.divide(m);
    const auto [n, i] = patches.grid_h.divide(line);
    return (n * ih + first_iy + i * stride_h) * iw + first_ix + j * stride_w;
  }
  /// Where row k of V begins in the weight, or -1 past the last row.
  DUEL_HOST_DEVICE int weight_row(int k) const {
    if (k >= patches.columns()) return -1;
    const auto [tap, oc] = patches.channels.divide(k);
    const auto [ty, tx] = patches.taps_x.divide(tap);
    return first_weight + oc * weight_oc + ty * weight_ty + tx * weight_tx;
  }
};

/// One axis of a phase: pixels of dx whose place on the padded axis leaves `phase` when divided by the stride
/// meet the taps phase, phase + stride, ...
struct PhaseAxis {
  int first, count;  // pixels of dx
  int taps;
  int first_source;  // of dy, for the first pixel and the first tap; falls by one a tap
};
inline PhaseAxis phase_axis(int64_t phase, int64_t size, int64_t kernel, int64_t stride, int64_t padding) {
  const int64_t first = ((phase - padding) % stride + stride) % stride;
  const auto steps = [stride](int64_t length) { return length > 0 ? ceil_divide(length, stride) : 0; };
  return {static_cast<int>(first), static_cast<int>(steps(size - first)),
          static_cast<int>(steps(kernel - phase)), static_cast<int>((first + padding - phase) / stride)};
}

/// How far apart the elements of a weight are: from a tap to the next, and from a channel of y or x to the
/// next.
struct WeightStrides {
  int64_t tap, oc, ic;
};
/// Of the weight (oc, kh, kw, ic), with `channels`, ic or more, a tap.
inline WeightStrides weight_strides(const Conv2dShape& s, int64_t channels) {
  return {channels, s.kh * s.kw * channels, 1};
}
/// Of one that lies as (ic, kh, kw, oc).
inline WeightStrides turned_weight_strides(const Conv2dShape& s) { return {s.oc, 1, s.kh * s.kw * s.oc}; }

/// Phase `phase`, 0 .. stride_h * stride_w - 1. One may have no pixels, or pixels but no taps.
inline DgradPhase dgrad_phase(const Conv2dShape& s, int64_t phase, const WeightStrides& weight) {
  const int64_t py = phase / s.stride_w, px = phase % s.stride_w;
  const PhaseAxis y = phase_axis(py, s.ih, s.kh, s.stride_h, s.pad_h);
  const PhaseAxis x = phase_axis(px, s.iw, s.kw, s.stride_w, s.pad_w);
  const auto i = [](int64_t value) { return static_cast<int>(value); };
  const PatchMatrix patches{i(s.n), y.count,        x.count, i(s.oh), i(s.ow),        i(s.oc), y.taps,
                            x.taps, y.first_source, 1,       -1,      x.first_source, 1,       -1};
  return {.patches = patches,
          .first_iy = y.first,
          .first_ix = x.first,
          .first_weight = i((py * s.kw + px) * weight.tap),
          .weight_oc = i(weight.oc),
          .weight_ty = i(s.stride_h * s.kw * weight.tap),
          .weight_tx = i(s.stride_w * weight.tap),
          .weight_ic = i(weight.ic),
          .ih = i(s.ih),
          .iw = i(s.iw),
          .stride_h = i(s.stride_h),
          .stride_w = i(s.stride_w)};
}

/// Phases of a data gradient that there is room for: those of strides up to 3.
constexpr int most_phases = 9;

/// Whether the products above can compute the three kernels of a convolution: they have room for so many
/// phases, and count in 32 bits rows and columns, the elements of a picture and of the weight, and pixels,
/// those beside the pictures as well that a patch begins on.
inline bool fits_implicit(const Conv2dShape& s) {
  constexpr int64_t rows_past_the_last = 256, limit = (int64_t{1} << 31) - rows_past_the_last;
  constexpr int64_t pack = 8;  // a weight's rows are padded by fewer elements than that
  const int64_t x_pixels =
      s.n * (s.ih + std::max<int64_t>(0, s.pad_h)) * (s.iw + std::max<int64_t>(0, s.pad_w));
  const int64_t y_pixels = s.n * (s.oh + s.kh) * (s.ow + s.kw);
  return x_pixels < limit && y_pixels < limit && s.oc * s.kh * s.kw * (s.ic + pack) < limit &&
         s.ih * s.iw * s.ic < limit && s.oh * s.ow * s.oc < limit && s.stride_h * s.stride_w <= most_phases;
}

}  // namespace duel::cuda
