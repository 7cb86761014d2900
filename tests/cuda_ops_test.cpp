// Every op case forward and backward on the CUDA backend, held against the CPU's.
#include <gtest/gtest.h>

#include <optional>

#include "lib/autograd.h"
#include "ops/cast.h"
#include "tests/cuda_test.h"
#include "tests/op_case_params.h"
#include "tests/with_conv_algorithm.h"

namespace duel {
namespace {

/// The result, the gradients of the inputs, and the constants, which batch norm changes.
std::vector<std::pair<std::string, Tensor>> run(const OpCase& op_case, DType dtype, Device device) {
  const OpTensors tensors = op_tensors(op_case, dtype, device);
  const Tensor y = run_op(op_case, tensors);
  if (y.requires_grad()) backward(y, normal(y.shape(), dtype, 1).to(device));
  std::vector<std::pair<std::string, Tensor>> results{{"the result", y}};
  for (const auto& [name, tensor] : tensors) {
    if (!tensor.requires_grad()) {
      results.emplace_back(name, tensor);
    } else if (tensor.grad().defined()) {
      results.emplace_back("the gradient of " + name, tensor.grad());
    }
  }
  return results;
}

void expect_same_on_both(const OpCase& op_case, DType dtype, double tolerance) {
  const auto expected = run(op_case, dtype, {}), actual = run(op_case, dtype, cuda_device);
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i)
    expect_close(actual[i].second, expected[i].second, tolerance, op_case.str() + ", " + expected[i].first);
}

/// The same, but what flows between layers is stored as bfloat16, on its way in and on its way back: `stored`
/// says whether it is on the device, or only rounded to it.
std::vector<std::pair<std::string, Tensor>> run_rounded(const OpCase& op_case, Device device, bool stored) {
  const auto is_parameter = [](const std::string& name) {
    return name == "weight" || name == "bias" || name.starts_with("running_");
  };
  const OpTensors leaves = op_tensors(op_case, DType::Float32, device);
  OpTensors tensors = leaves;
  for (auto& [name, tensor] : tensors) {
    if (is_parameter(name)) continue;
    tensor = cast(tensor, DType::BFloat16);
    if (!stored) tensor = cast(tensor, DType::Float32);
  }
  const Tensor y = cast(run_op(op_case, tensors), DType::Float32);
  const Tensor seed = normal(y.shape(), DType::Float32, 1).to(DType::BFloat16).to(DType::Float32);
  if (y.requires_grad()) backward(y, seed.to(device));
  std::vector<std::pair<std::string, Tensor>> results{{"the result", y}};
  for (const auto& [name, tensor] : leaves) {
    if (tensor.requires_grad() && tensor.grad().defined())
      results.emplace_back("the gradient of " + name, tensor.grad());
    if (name.starts_with("running_")) results.emplace_back(name, tensor);
  }
  return results;
}

void expect_same_stored(const OpCase& op_case) {
  const WithPrecision with(Precision::Bf16);
  if (!with.possible()) GTEST_SKIP() << with.why_not();
  const auto expected = run_rounded(op_case, {}, false), actual = run_rounded(op_case, cuda_device, true);
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i)
    expect_close(actual[i].second, expected[i].second, 1e-2, op_case.str() + ", " + expected[i].first);
}

/// With products of float32 in another precision.
void expect_same_in(Precision precision, const OpCase& op_case, double tolerance) {
  const WithPrecision with(precision);
  if (!with.possible()) GTEST_SKIP() << with.why_not();
  expect_same_on_both(op_case, DType::Float32, tolerance);
}

class CudaOps : public testing::TestWithParam<OpCase> {
 protected:
  void SetUp() override {
    std::string why;
    if (!cuda_available(&why)) GTEST_SKIP() << why;
  }
};

TEST_P(CudaOps, Float32) { expect_same_on_both(GetParam(), DType::Float32, 1e-4); }
TEST_P(CudaOps, Float64) { expect_same_on_both(GetParam(), DType::Float64, 1e-10); }
// By the library, which may cut the digits off that TF32 has not: up to 2^-10 of each of two factors. The
// convolutions below round them.
TEST_P(CudaOps, Tf32) { expect_same_in(Precision::Tf32, GetParam(), 2e-3); }
TEST_P(CudaOps, Bf16) { expect_same_in(Precision::Bf16, GetParam(), 1e-2); }

INSTANTIATE_TEST_SUITE_P(AllCases, CudaOps, testing::ValuesIn(op_cases()), op_case_name);

/// What may stand between the layers of a network; losses and sums to one number take float32. Not where
/// sigmoid or tanh is saturated: 1 - y has no digits there once y is rounded.
class CudaStoredAsBf16 : public CudaOps {};

TEST_P(CudaStoredAsBf16, IsTheCpusOfRoundedNumbers) { expect_same_stored(GetParam()); }

std::vector<OpCase> between_layers() {
  std::vector<OpCase> cases = op_cases();
  std::erase_if(cases, [](const OpCase& op_case) {
    return op_case.op.starts_with("bce") || op_case.op == "sum" || op_case.op == "mean" ||
           op_case.name == "saturated";
  });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(AllCases, CudaStoredAsBf16, testing::ValuesIn(between_layers()), op_case_name);

/// The convolutions whose matrix is not stored.
class CudaImplicitConvolutions : public CudaOps {
 protected:
  void SetUp() override {
    CudaOps::SetUp();
    if (!IsSkipped()) implicit_.emplace(ConvAlgorithm::Implicit, cuda_device);
  }

 private:
  std::optional<WithConvAlgorithm> implicit_;
};

TEST_P(CudaImplicitConvolutions, Float32) { expect_same_on_both(GetParam(), DType::Float32, 1e-4); }
TEST_P(CudaImplicitConvolutions, Tf32) { expect_same_in(Precision::Tf32, GetParam(), 1e-3); }
TEST_P(CudaImplicitConvolutions, StoredAsBf16) { expect_same_stored(GetParam()); }

std::vector<OpCase> convolutions() {
  std::vector<OpCase> cases = op_cases();
  std::erase_if(cases, [](const OpCase& op_case) { return !op_case.op.starts_with("conv"); });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(AllCases, CudaImplicitConvolutions, testing::ValuesIn(convolutions()), op_case_name);

}  // namespace
}  // namespace duel
