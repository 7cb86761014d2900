// What the tests of the CUDA backend share.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <string>
#include <vector>

#include "lib/bfloat16.h"
#include "lib/kernels.h"
#include "lib/tensor.h"
#include "tests/tensors.h"

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

/// Standard normal numbers, on the CPU; the same for the same seed, and as float32 values in either type.
inline Tensor normal(const Shape& shape, DType dtype, uint64_t seed) {
  return random_tensor(shape, seed, dtype);
}

/// Where convolutions are computed, and how: a parameter of tests.
struct Way {
  Device device;
  ConvAlgorithm algorithm;
};
inline std::string name_of_way(const testing::TestParamInfo<Way>& test) {
  return conv_algorithm_name(test.param.algorithm);
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

/// What a weight's form must hold, computed element by element on the CPU; float32.
inline std::vector<float> values_of_form(const Tensor& weight, Form form) {
  const std::vector<float> values = weight.to_vector<float>();
  const int64_t oc = weight.dim(0), ic = weight.dim(weight.dims() - 1), taps = weight.numel() / (oc * ic);
  std::vector<float> expected(values.size());
  for (int64_t i = 0; i < weight.numel(); ++i) {
    const int64_t in = i % ic, tap = i / ic % taps, out = i / (taps * ic);
    const int64_t place = form == Form::Tf32Turned ? (in * taps + tap) * oc + out : i;
    // TF32 has 10 bits behind the first, 13 fewer: to the nearest, ties away from zero.
    const auto bits = (std::bit_cast<uint32_t>(values[static_cast<size_t>(i)]) + 0x1000) & ~0x1fffu;
    expected[static_cast<size_t>(place)] = form == Form::BFloat16
                                               ? static_cast<float>(BFloat16(values[static_cast<size_t>(i)]))
                                               : std::bit_cast<float>(bits);
  }
  return expected;
}

/// Fails unless the tensors, of any devices, have one type and agree to `tolerance` times the largest
/// magnitude expected.
inline void expect_close(const Tensor& actual, const Tensor& expected, double tolerance,
                         const std::string& what) {
  ASSERT_EQ(actual.dtype(), expected.dtype()) << what;
  ASSERT_TRUE(close(actual, expected, tolerance)) << what;
}

}  // namespace duel
