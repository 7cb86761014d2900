// Matrix product and the linear layer's function.
#pragma once

#include "lib/tensor.h"

namespace duel {

/// a (M, K) times b (K, N): (M, N). Throws unless the shapes fit and type and device agree.
Tensor matmul(const Tensor& a, const Tensor& b);

/// x weight^T + bias: x (N, in), weight (out, in), bias (out) or undefined; the result is (N, out). As
/// PyTorch's linear. The result is of x's type; weight and bias are of parameter_type() of it. Throws if the
/// shapes do not fit.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

/// The same of flattened pictures x (N, H, W, C), with weight (out, C * H * W) in PyTorch's order, each
/// channel row by row: the weight is permuted, not the pictures. The result is (N, out); throws as linear().
Tensor linear_channels_last(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

}  // namespace duel
