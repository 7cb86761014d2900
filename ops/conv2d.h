// Two-dimensional convolution and transposed convolution, channels-last.
#pragma once

#include <array>
#include <optional>

#include "lib/conv2d_shape.h"
#include "lib/functors.h"
#include "lib/tensor.h"

namespace duel {

/// {height, width}.
using Pair = std::array<int64_t, 2>;

/// Cross-correlation, as PyTorch's conv2d with dilation 1 and groups 1, which are all there are here: see
/// Conv2dShape for the formula.
/// x (N, IH, IW, IC), weight (OC, KH, KW, IC), bias (OC) or undefined; the result is (N, OH, OW, OC) with
/// OH = (IH + 2 * padding - KH) / stride + 1, rounded down; OW likewise.
/// `activation`, where given, is applied to the result in the same pass: see activated(). The result is of
/// x's type; weight and bias are of parameter_type() of it. Throws if the shapes do not fit or the kernel
/// is larger than the padded picture.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, Pair stride = {1, 1},
              Pair padding = {0, 0}, const std::optional<Unary>& activation = {});

/// The gradient of conv2d with respect to its input, as a forward operation (PyTorch's conv_transpose2d with
/// dilation 1 and groups 1).
/// x (N, IH, IW, IC), weight (IC, KH, KW, OC), bias (OC) or undefined; the result is (N, OH, OW, OC) with
/// OH = (IH - 1) * stride - 2 * padding + KH + output_padding; OW likewise. Activation and types are as
/// conv2d's. Throws if the shapes do not fit, or output_padding is not less than the stride.
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, Pair stride = {1, 1},
                        Pair padding = {0, 0}, Pair output_padding = {0, 0},
                        const std::optional<Unary>& activation = {});

/// The geometry of conv2d(x, weight), from shapes alone. Throws as conv2d does.
Conv2dShape conv2d_shape(const Shape& x, const Shape& weight, Pair stride, Pair padding);
/// The geometry of the convolution whose data gradient conv_transpose2d(x, weight) is. Throws as that does.
Conv2dShape conv_transpose2d_shape(const Shape& x, const Shape& weight, Pair stride, Pair padding,
                                   Pair output_padding);

}  // namespace duel
