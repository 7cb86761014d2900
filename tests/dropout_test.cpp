#include "ops/dropout.h"

#include <gtest/gtest.h>

#include "lib/autograd.h"
#include "ops/reductions.h"
#include "tests/tensors.h"

namespace duel {
namespace {

TEST(Dropout, ScalesTheSurvivorsAndTheirGradients) {
  const Tensor x = Tensor::full({100000}, 3, DType::Float64).set_requires_grad(true);
  RandomStream stream(1, Stream::Dropout);
  const Tensor y = dropout(x, 0.4, true, stream);
  backward(sum(y));
  const std::vector<double> values = values_of(y), grads = values_of(x.grad());
  int64_t zeros = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_NEAR(values[i], values[i] == 0 ? 0 : 3 / 0.6, 1e-6);
    ASSERT_NEAR(grads[i], values[i] / 3, 1e-6);
    zeros += values[i] == 0;
  }
  EXPECT_NEAR(static_cast<double>(zeros) / 100000, 0.4, 0.01);
}

TEST(Dropout, ScalesInTheTypeOfItsInput) {
  RandomStream stream(1, Stream::Dropout);
  const Tensor y = dropout(Tensor::full({64}, 1, DType::Float64), 0.1, true, stream);
  for (const double value : y.to_vector<double>()) EXPECT_TRUE(value == 0 || value == 1 / 0.9) << value;
}

TEST(Dropout, DrawsAnewEachTimeAndNothingInEvaluation) {
  const Tensor x = random_tensor({64}, 1);
  RandomStream stream(1, Stream::Dropout);
  EXPECT_FALSE(same(dropout(x, 0.5, true, stream), dropout(x, 0.5, true, stream)));
  EXPECT_EQ(stream.position(), 2 * 64 / 4);
  EXPECT_TRUE(same(dropout(x, 0.5, false, stream), x));
  EXPECT_TRUE(same(dropout(x, 0, true, stream), x));
  EXPECT_EQ(stream.position(), 2 * 64 / 4);
}

}  // namespace
}  // namespace duel
