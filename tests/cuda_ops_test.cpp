// Every op case forward and backward on the CUDA backend, held against the CPU's.
#include <gtest/gtest.h>

#include "lib/autograd.h"
#include "tests/cuda_test.h"
#include "tests/op_case_params.h"

namespace duel {
namespace {

class CudaOps : public testing::TestWithParam<OpCase> {
 protected:
  void SetUp() override {
    std::string why;
    if (!cuda_available(&why)) GTEST_SKIP() << why;
  }
};

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

TEST_P(CudaOps, Float32) { expect_same_on_both(GetParam(), DType::Float32, 1e-4); }
TEST_P(CudaOps, Float64) { expect_same_on_both(GetParam(), DType::Float64, 1e-10); }

/// Products in a coarser precision; float32 again afterwards.
void expect_close_in(Precision precision, const OpCase& op_case, double tolerance) {
  Kernels& k = kernels(cuda_device);
  try {
    k.set_precision(precision);
  } catch (const Error& error) {
    GTEST_SKIP() << error.what();
  }
  expect_same_on_both(op_case, DType::Float32, tolerance);
  k.set_precision(Precision::Float32);
}

TEST_P(CudaOps, Tf32) { expect_close_in(Precision::Tf32, GetParam(), 1e-3); }
TEST_P(CudaOps, Bf16) { expect_close_in(Precision::Bf16, GetParam(), 1e-2); }

INSTANTIATE_TEST_SUITE_P(AllCases, CudaOps, testing::ValuesIn(op_cases()), op_case_name);

}  // namespace
}  // namespace duel
