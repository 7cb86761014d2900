// Gradients of every op, over all cases of ops/check/op_cases.json.
#include <gtest/gtest.h>

#include "lib/autograd.h"
#include "ops/check/gradcheck.h"
#include "ops/check/op_cases.h"
#include "tests/op_case_params.h"

namespace duel {
namespace {

class OpGradients : public testing::TestWithParam<OpCase> {};

TEST_P(OpGradients, AgreeWithDifferenceQuotients) {
  const OpTensors tensors = op_tensors(GetParam(), DType::Float64);
  const GradcheckResult result =
      gradcheck([&] { return run_op(GetParam(), tensors); }, op_inputs(GetParam(), tensors));
  EXPECT_TRUE(result.passed) << result.str();
  EXPECT_EQ(result.checked, result.elements);
}

INSTANTIATE_TEST_SUITE_P(Cases, OpGradients, testing::ValuesIn(cases_with(&OpCase::gradcheck)), op_case_name);

}  // namespace
}  // namespace duel
