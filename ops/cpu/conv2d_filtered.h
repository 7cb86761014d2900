// The convolutions by minimal filtering (Winograd, "Arithmetic Complexity of Computations", 1980; Lavin and
// Gray, "Fast Algorithms for Convolutional Neural Networks", 2016), for kernels of twice the stride: 4 x 4
// taps with stride 2, or 2 x 2 with stride 1. Taken apart by phases these are convolutions of 2 x 2 taps with
// stride 1, and two neighbouring outputs of two taps need three multiplications instead of four:
//
//     y0 = d0 g0 + d1 g1        m0 = (d0 - d1) g0    m1 = d1 (g0 + g1)    m2 = (d2 - d1) g1
//     y1 = d1 g0 + d2 g1        y0 = m0 + m1         y1 = m1 + m2
//
// In two dimensions 9 instead of 16 for 2 x 2 outputs. Each of the nine becomes a matrix product over the
// channels: rows = groups of 2 x 2 outputs, depth = channels (of all phases where they add up), columns =
// output channels. All coefficients are 1 or -1, so the rounding errors stay about those of the plain sums:
// measured in tests/cpu_fast_conv2d_test.cpp.
#pragma once

#include "lib/conv2d_shape.h"
#include "lib/write.h"
#include "ops/cpu/gemm_epilogue.h"

namespace duel::cpu {

/// Whether minimal filtering computes this kernel: taps twice the stride, even sizes, enough channels to fill
/// vectors.
bool filtered_fprop_fits(const Conv2dShape& shape);
bool filtered_dgrad_fits(const Conv2dShape& shape);
bool filtered_wgrad_fits(const Conv2dShape& shape);

/// Whether it fits and is the faster way.
bool filtered_fprop_pays(const Conv2dShape& shape);
bool filtered_dgrad_pays(const Conv2dShape& shape);
bool filtered_wgrad_pays(const Conv2dShape& shape);

/// As conv2d_fprop_implicit and its siblings, for shapes that fit.
void conv2d_fprop_filtered(const Conv2dShape& shape, const float* x, const float* weight,
                           const Epilogue& epilogue, float* y, Write write);
void conv2d_dgrad_filtered(const Conv2dShape& shape, const float* dy, const float* weight,
                           const Epilogue& epilogue, float* dx, Write write);
void conv2d_wgrad_filtered(const Conv2dShape& shape, const float* x, const float* dy, float* dw, Write write);

}  // namespace duel::cpu
