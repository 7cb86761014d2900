// Tensors for tests: random ones, their elements as doubles, and comparison.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "lib/random.h"
#include "lib/tensor.h"

namespace duel {

inline Tensor random_tensor(const Shape& shape, uint64_t seed, DType dtype = DType::Float64,
                            const Distribution& distribution = Normal{}) {
  const Tensor tensor = Tensor::empty(shape, dtype);
  RandomStream(seed, Stream::Check).fill(tensor, distribution);
  return tensor;
}

/// A random leaf that collects its gradient.
inline Tensor random_leaf(const Shape& shape, uint64_t seed, DType dtype = DType::Float64) {
  return random_tensor(shape, seed, dtype).set_requires_grad(true);
}

/// The elements of a tensor of floating-point numbers, of any device.
inline std::vector<double> values_of(const Tensor& tensor) {
  return tensor.detach().to(Device{}).to(DType::Float64).to_vector<double>();
}

/// Whether two tensors, of any devices, have one shape and no element differs by more than `tolerance` times
/// the largest magnitude in `expected`. NaN equals nothing.
inline testing::AssertionResult close(const Tensor& actual, const Tensor& expected, double tolerance) {
  if (!actual.defined()) return testing::AssertionFailure() << "there is no tensor";
  if (actual.shape() != expected.shape())
    return testing::AssertionFailure() << "shape " << actual.shape() << ", expected " << expected.shape();
  const std::vector<double> a = values_of(actual), e = values_of(expected);
  double scale = 0;
  for (const double value : e) scale = std::max(scale, std::fabs(value));
  for (size_t i = 0; i < e.size(); ++i) {
    if (std::fabs(a[i] - e[i]) <= tolerance * scale) continue;
    return testing::AssertionFailure()
           << "element " << i << " is " << a[i] << ", expected " << e[i] << "; they differ by "
           << std::fabs(a[i] - e[i]) / scale << " of the largest magnitude " << scale;
  }
  return testing::AssertionSuccess();
}

/// Whether two tensors have one shape and the same values.
inline testing::AssertionResult same(const Tensor& actual, const Tensor& expected) {
  return close(actual, expected, 0);
}

}  // namespace duel
