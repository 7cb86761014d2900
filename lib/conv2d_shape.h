// The geometry of a two-dimensional convolution, shared by its three kernels and by transposed convolution.
#pragma once

#include <cstdint>

#include "lib/host_device.h"

namespace duel {

/// x is (n, ih, iw, ic), weight (oc, kh, kw, ic), y (n, oh, ow, oc); all channels-last and contiguous.
/// y[n, oy, ox, oc] = sum over ky, kx, ic of
///     x[n, oy*stride_h - pad_h + ky, ox*stride_w - pad_w + kx, ic] * weight[oc, ky, kx, ic],
/// where x outside the picture is 0: fprop. By the chain rule each product of the sum gives its other factor
/// times dy to the gradient of one: with iy = oy*stride_h - pad_h + ky and ix = ox*stride_w - pad_w + kx,
/// dgrad: dx[n, iy, ix, ic] = sum over oc and all oy, ky, ox, kx that come to (iy, ix) of
///     dy[n, oy, ox, oc] * weight[oc, ky, kx, ic],
/// wgrad: dw[oc, ky, kx, ic] = sum over n, oy, ox of dy[n, oy, ox, oc] * x[n, iy, ix, ic].
/// dgrad lays the kernel, times dy, down at every stride-th pixel; as a forward that is transposed
/// convolution.
struct Conv2dShape {
  int64_t n = 0, ih = 0, iw = 0, ic = 0, oh = 0, ow = 0, oc = 0, kh = 0, kw = 0;
  int64_t stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0;

  /// The sizes of the product that fprop is: (n*oh*ow x kh*kw*ic) times (kh*kw*ic x oc).
  DUEL_HOST_DEVICE int64_t gemm_m() const { return n * oh * ow; }
  DUEL_HOST_DEVICE int64_t gemm_n() const { return oc; }
  DUEL_HOST_DEVICE int64_t gemm_k() const { return kh * kw * ic; }
  /// Multiply-adds of any of the three kernels, taps on the padding counted.
  DUEL_HOST_DEVICE int64_t multiply_adds() const { return gemm_m() * gemm_n() * gemm_k(); }

  bool operator==(const Conv2dShape&) const = default;
};

}  // namespace duel
