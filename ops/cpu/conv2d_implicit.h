// The fast single-precision convolutions: one product each, whose im2col matrix is packed tile by tile on its
// way into the microkernels and never stored. Layouts and geometry: Conv2dShape. Any size may be 0.
#pragma once

#include "lib/conv2d_shape.h"
#include "lib/write.h"
#include "ops/cpu/gemm_epilogue.h"

namespace duel::cpu {

/// y = or += the convolution of x; then the epilogue, whose bias has shape.oc elements.
/// Throws Error for an activation with Write::Add.
void conv2d_fprop_implicit(const Conv2dShape& shape, const float* x, const float* weight,
                           const Epilogue& epilogue, float* y, Write write);

/// dx = or += the gradient with respect to x, which is also the forward of transposed convolution; then the
/// epilogue, whose bias has shape.ic elements. Throws Error for an activation with Write::Add.
void conv2d_dgrad_implicit(const Conv2dShape& shape, const float* dy, const float* weight,
                           const Epilogue& epilogue, float* dx, Write write);

/// dw = or += the gradient with respect to the weight. The order of every sum depends on the shape alone.
void conv2d_wgrad_implicit(const Conv2dShape& shape, const float* x, const float* dy, float* dw, Write write);

}  // namespace duel::cpu
