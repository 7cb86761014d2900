// What the tests of the CUDA backend share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "lib/kernels.h"
#include "lib/random.h"
#include "lib/tensor.h"

namespace duel {

constexpr Device cuda_device{Device::Kind::Cuda, 0};

/// A test that needs the backend; skipped, saying why, where it cannot be used.
class CudaTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (!cuda_available(&why)) GTEST_SKIP() << why;
  }
};

inline std::vector<double> values_of(const Tensor& tensor) {
  return tensor.to(Device{}).to(DType::Float64).to_vector<double>();
}

/// Standard normal numbers, on the CPU; the same for the same seed, and as float32 values in either type.
inline Tensor normal(const Shape& shape, DType dtype, uint64_t seed) {
  const Tensor x = Tensor::empty(shape, dtype);
  RandomStream(seed, Stream::Test).fill(x, Normal{});
  return x;
}

/// The CUDA backend's precision of products for as long as this lives.
class WithPrecision {
 public:
  explicit WithPrecision(Precision precision) {
    try {
      kernels(cuda_device).set_precision(precision);
    } catch (const Error& error) {
      why_not_ = error.what();
    }
  }
  ~WithPrecision() { kernels(cuda_device).set_precision(Precision::Float32); }
  WithPrecision(const WithPrecision&) = delete;
  WithPrecision& operator=(const WithPrecision&) = delete;

  bool possible() const { return why_not_.empty(); }
  const std::string& why_not() const { return why_not_; }

 private:
  std::string why_not_;
};

/// Fails unless the tensors, of any devices, agree to `tolerance` times the largest magnitude expected.
inline void expect_close(const Tensor& actual, const Tensor& expected, double tolerance,
                         const std::string& what) {
  ASSERT_EQ(actual.shape(), expected.shape()) << what;
  ASSERT_EQ(actual.dtype(), expected.dtype()) << what;
  const std::vector<double> a = values_of(actual), e = values_of(expected);
  double largest = 0;
  for (const double value : e) largest = std::max(largest, std::abs(value));
  for (size_t i = 0; i < e.size(); ++i) {
    ASSERT_TRUE(std::abs(a[i] - e[i]) <= tolerance * largest)
        << what << ", element " << i << " of " << expected.shape() << ": " << a[i] << " where the CPU has "
        << e[i];
  }
}

}  // namespace duel
