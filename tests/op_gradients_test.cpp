// Gradients of every op, over all cases of ops/check/op_cases.json.
#include <gtest/gtest.h>

#include "lib/autograd.h"
#include "ops/activations.h"
#include "ops/arithmetic.h"
#include "ops/check/gradcheck.h"
#include "ops/check/op_cases.h"
#include "tests/op_case_params.h"
#include "tests/tensors.h"

namespace duel {
namespace {

constexpr double kRounding = 1e-13;  // sums in another order

class OpGradients : public testing::TestWithParam<OpCase> {
 protected:
  const OpCase& op_case() const { return GetParam(); }
  Tensor run(const OpTensors& tensors) const { return run_op(op_case(), tensors); }

  /// The gradient of one backward, input by input.
  std::vector<Tensor> gradients_once() const {
    const OpTensors tensors = op_tensors(op_case(), DType::Float64);
    const Tensor y = run(tensors);
    backward(y, seed(y));
    std::vector<Tensor> gradients;
    for (const Tensor& input : op_inputs(op_case(), tensors)) gradients.push_back(input.grad().clone());
    return gradients;
  }
  static Tensor seed(const Tensor& y) { return random_tensor(y.shape(), 17, y.dtype()); }
};

TEST_P(OpGradients, AgreeWithDifferenceQuotients) {
  if (!op_case().gradcheck) return;  // the case is at a kink or beyond what a quotient resolves
  const OpTensors tensors = op_tensors(op_case(), DType::Float64);
  const GradcheckResult result = gradcheck([&] { return run(tensors); }, op_inputs(op_case(), tensors));
  EXPECT_TRUE(result.passed) << result.str();
  EXPECT_EQ(result.checked, result.elements);
}

// An op computes only the gradients that are asked for, and these do not depend on which those are.
TEST_P(OpGradients, FrozenInputsGetNone) {
  const std::vector<Tensor> expected = gradients_once();
  const size_t count = expected.size();
  for (size_t asked = 0; asked < (size_t{1} << count); ++asked) {
    const OpTensors tensors = op_tensors(op_case(), DType::Float64);
    std::vector<Tensor> inputs = op_inputs(op_case(), tensors);
    for (size_t i = 0; i < count; ++i) inputs[i].set_requires_grad(asked >> i & 1);
    const Tensor y = run(tensors);
    EXPECT_EQ(y.requires_grad(), asked != 0);
    if (asked == 0) continue;
    backward(y, seed(y));
    for (size_t i = 0; i < count; ++i) {
      if (asked >> i & 1) {
        EXPECT_TRUE(same(inputs[i].grad(), expected[i])) << "input " << i;
      } else {
        EXPECT_FALSE(inputs[i].grad().defined()) << "input " << i;
      }
    }
  }
}

// Two uses in one graph, two backwards, and a fresh start: gradients are added to what is there, and
// overwrite memory that is there but holds none.
TEST_P(OpGradients, AddUpUntilTheyAreForgotten) {
  const std::vector<Tensor> once = gradients_once();
  const OpTensors tensors = op_tensors(op_case(), DType::Float64);
  const std::vector<Tensor> inputs = op_inputs(op_case(), tensors);
  const auto expect_multiple = [&](double factor) {
    for (size_t i = 0; i < once.size(); ++i)
      EXPECT_TRUE(close(inputs[i].grad(), scale(once[i], factor), kRounding)) << "input " << i;
  };
  const Tensor y = run(tensors);
  backward(add(y, run(tensors)), seed(y));
  expect_multiple(2);
  const Tensor again = run(tensors);
  backward(again, seed(again));
  expect_multiple(3);
  for (const Tensor& input : inputs) input.zero_grad();
  const Tensor anew = run(tensors);
  backward(anew, seed(anew));
  expect_multiple(1);
}

INSTANTIATE_TEST_SUITE_P(Cases, OpGradients, testing::ValuesIn(op_cases()), op_case_name);

}  // namespace
}  // namespace duel
