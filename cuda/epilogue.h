// What is done to each sum of a product before it is stored: a bias for its column, then an activation.
#pragma once

#include <optional>

#include "cuda/queue.h"
#include "lib/functors.h"
#include "lib/fused_activation.h"
#include "lib/tensor.h"

namespace duel::cuda {

/// The activation is chosen at run time, not by a template: the kernels of products are large, and beside a
/// store a comparison costs nothing. It calculates in float32.
struct Epilogue {
  using Activation = FusedActivation;

  const float* bias = nullptr;  // of the columns, or none
  Activation activation = Activation::None;
  LeakyRelu leaky_relu{};

  /// Calls run(f) with the activation f, unless there is none.
  template <class Run>
  DUEL_HOST_DEVICE void with_activation(const Run& run) const {
    switch (activation) {
      case Activation::Relu:
        return run(Relu{});
      case Activation::LeakyRelu:
        return run(leaky_relu);
      case Activation::Tanh:
        return run(Tanh{});
      case Activation::None:
        break;
    }
  }
  DUEL_HOST_DEVICE float operator()(int64_t column, float sum) const {
    float value = bias ? sum + bias[column] : sum;
    with_activation([&](const auto& f) { value = f.value(value); });
    return value;
  }
  bool nothing() const { return !bias && activation == Activation::None; }
};

/// The epilogue that adds `bias` and applies f, either of which may be null, to sums of type `dtype`; none
/// where it is not one of these, or float64.
inline std::optional<Epilogue> epilogue_of(const Tensor* bias, const Unary* f, DType dtype) {
  const auto activation = fused_activation(f);
  if (dtype == DType::Float64 || !activation) return {};
  Epilogue epilogue{.bias = bias ? bias->data<float>() : nullptr, .activation = *activation};
  if (const auto* leaky_relu = std::get_if<LeakyRelu>(f)) epilogue.leaky_relu = *leaky_relu;
  return epilogue;
}

/// y[row, column] = epilogue(column, y[row, column]), in place; y is float32 or bfloat16.
void apply_epilogue(const Queue& queue, int64_t rows, int64_t columns, const Epilogue& epilogue,
                    const Tensor& y);

}  // namespace duel::cuda
