// Batch normalisation (Ioffe & Szegedy, 2015), over all dimensions but the last.
#pragma once

#include <optional>

#include "lib/functors.h"
#include "lib/tensor.h"

namespace duel {

struct BatchNormOptions {
  bool training = true;
  double momentum = 0.1;                 ///< weight of the batch in the running statistics
  double eps = 1e-5;                     ///< added to the variance
  std::optional<Unary> activation = {};  ///< applied to the result in the same pass: see check_fusible()
  int64_t batches = 1;  ///< in training: x is that many of one size, one after another, each normalised alone
};

/// Throws Error unless eps is finite and not negative and momentum in [0, 1].
void check_batch_norm(const char* op, double eps, double momentum);

/// y = weight * (x - mean) / sqrt(variance + eps) + bias for each channel.
/// x (..., C), the others (C). In training, mean and (biased) variance are those of the batch, and the
/// running statistics, where given, move towards them by `momentum` (towards the unbiased variance, as
/// PyTorch's do); else they are the running statistics. Several `batches` ("ghost batches", Hoffer, Hubara &
/// Soudry, 2017) have statistics of their own, and the running ones see one after another. Throws if shapes
/// disagree or batches are not of one size, in training with fewer than two values a channel, and in
/// evaluation without running statistics. y is of x's type; the others are of parameter_type() of it.
Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
                  const Tensor& running_var, const BatchNormOptions& options = {});

}  // namespace duel
