// Convolution by its definition: seven loops, no matrices. And a grid of shapes to compare with it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/conv2d_shape.h"
#include "lib/error.h"

namespace duel {

/// Calls body(index in x, index in weight, index in y) for the products of the definition in Conv2dShape: for
/// those of the first input channel; x and the weight have the other channels behind it, and y has the one
/// element for all.
template <class Body>
void for_each_tap(const Conv2dShape& s, const Body& body) {
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t oy = 0; oy < s.oh; ++oy)
      for (int64_t ox = 0; ox < s.ow; ++ox)
        for (int64_t ky = 0; ky < s.kh; ++ky)
          for (int64_t kx = 0; kx < s.kw; ++kx) {
            const int64_t iy = oy * s.stride_h - s.pad_h + ky, ix = ox * s.stride_w - s.pad_w + kx;
            if (iy < 0 || iy >= s.ih || ix < 0 || ix >= s.iw) continue;
            for (int64_t oc = 0; oc < s.oc; ++oc)
              body(((n * s.ih + iy) * s.iw + ix) * s.ic, ((oc * s.kh + ky) * s.kw + kx) * s.ic,
                   ((n * s.oh + oy) * s.ow + ox) * s.oc + oc);
          }
}

/// Calls body(index in x, index in weight, index in y) for every product.
template <class Body>
void for_each_product(const Conv2dShape& s, const Body& body) {
  for_each_tap(s, [&](int64_t x, int64_t weight, int64_t y) {
    for (int64_t ic = 0; ic < s.ic; ++ic)
      body(static_cast<size_t>(x + ic), static_cast<size_t>(weight + ic), static_cast<size_t>(y));
  });
}

/// y of Conv2dShape.
inline std::vector<double> direct_convolution(const Conv2dShape& s, const std::vector<double>& x,
                                              const std::vector<double>& weight) {
  std::vector<double> y(static_cast<size_t>(s.n * s.oh * s.ow * s.oc));
  for_each_product(s, [&](size_t ix, size_t iw, size_t iy) { y[iy] += x[ix] * weight[iw]; });
  return y;
}

/// Calls body(shape) for a few hundred small convolutions: kernels 1-7, strides 1-3, paddings 0-3, odd sizes,
/// not square, one picture and several, one channel and several.
template <class Body>
void for_each_convolution(const Body& body) {
  struct Size {
    int64_t h, w;
  };
  constexpr Size pictures[] = {{1, 1}, {5, 7}, {8, 3}}, kernels[] = {{1, 1}, {2, 3}, {4, 4}, {7, 5}},
                 strides[] = {{1, 1}, {2, 2}, {3, 1}}, paddings[] = {{0, 0}, {1, 1}, {2, 3}};
  constexpr Size channels[] = {{1, 1}, {3, 2}};  // into, out of
  for (const int64_t n : {1, 3})
    for (const Size& i : pictures)
      for (const Size& c : channels)
        for (const Size& k : kernels)
          for (const Size& stride : strides)
            for (const Size& pad : paddings) {
              if (i.h + 2 * pad.h < k.h || i.w + 2 * pad.w < k.w) continue;
              body(Conv2dShape{n, i.h, i.w, c.h, (i.h + 2 * pad.h - k.h) / stride.h + 1,
                               (i.w + 2 * pad.w - k.w) / stride.w + 1, c.w, k.h, k.w, stride.h, stride.w,
                               pad.h, pad.w});
            }
}

inline std::string name_of(const Conv2dShape& s) {
  return concat("x ", s.n, " x ", s.ih, " x ", s.iw, " x ", s.ic, ", kernel ", s.kh, " x ", s.kw, " x ", s.oc,
                ", stride ", s.stride_h, ", ", s.stride_w, ", padding ", s.pad_h, ", ", s.pad_w);
}

}  // namespace duel
