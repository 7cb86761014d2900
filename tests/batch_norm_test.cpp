#include "ops/batch_norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "lib/autograd.h"
#include "lib/kernels.h"
#include "ops/reductions.h"
#include "tests/files.h"
#include "tests/tensors.h"

namespace duel {
namespace {

using Values = std::vector<double>;

Tensor row(const Values& values) { return Tensor::from(values, {static_cast<int64_t>(values.size())}); }

TEST(BatchNorm, NormalisesEachChannel) {
  const Tensor x = random_tensor({4, 5, 5, 3}, 1);
  const Tensor y = batch_norm(x, row({1, 2, 3}), row({0, -5, 7}), {}, {}, {.eps = 0});
  const Tensor mean = Tensor::empty({3}, DType::Float64), variance = Tensor::empty({3}, DType::Float64);
  kernels({}).batch_norm_statistics(y, mean, variance, nullptr);
  EXPECT_TRUE(close(mean, row({0, -5, 7}), 1e-14));
  EXPECT_TRUE(close(variance, row({1, 4, 9}), 1e-14));
}

TEST(BatchNorm, MovesRunningStatisticsTowardsTheUnbiasedVariance) {
  const Tensor x = Tensor::from(Values{1, 10, 3, 10, 8, 10}, {3, 2});
  const Tensor mean = row({0, 1}), variance = row({1, 2});
  batch_norm(x, row({1, 1}), row({0, 0}), mean, variance, {.momentum = 0.25});
  // Means 4 and 10; sums of squared deviations 26 and 0, over 3 - 1 degrees of freedom.
  EXPECT_EQ(values_of(mean), (Values{1, 0.75 + 2.5}));
  EXPECT_EQ(values_of(variance), (Values{0.75 + 0.25 * 13, 1.5}));
}

TEST(BatchNorm, EvaluationUsesRunningStatisticsAndLeavesThem) {
  const Tensor x = Tensor::from(Values{3, 5}, {1, 2});
  const Tensor mean = row({1, 2}), variance = row({4, 9});
  const Tensor y = batch_norm(x, row({1, 10}), row({0, 1}), mean, variance, {.training = false, .eps = 0});
  EXPECT_EQ(values_of(y), (Values{1, 11}));
  EXPECT_EQ(values_of(mean), (Values{1, 2}));
  EXPECT_EQ(values_of(variance), (Values{4, 9}));
}

/// x with the values of a column each, an infinite one among them; statistics 0 and 4; dy counts.
void expect_gradient(DType dtype, const std::optional<Unary>& activation, double below_zero) {
  SCOPED_TRACE(concat(name_of(dtype), activation ? ", activated" : "", ", ", below_zero));
  constexpr int64_t channels = 21;  // vectors and a rest
  const Values columns[] = {{HUGE_VAL, 0.5, -2}, {-HUGE_VAL, -0.5, 2}, {1, HUGE_VAL, -HUGE_VAL}};
  Values x, dy, expected;
  for (size_t row = 0; row < 3; ++row) {
    for (size_t c = 0; c < channels; ++c) {
      x.push_back(columns[c % 3][row]);
      dy.push_back(static_cast<double>(dy.size() + 1));
      expected.push_back(1.5 / 2 * dy.back() * (x.back() > 0 ? 1 : below_zero));
    }
  }
  const auto all = [&](double value) { return Tensor::full({channels}, value, dtype); };
  const Shape shape{3, channels};
  const Tensor leaf = Tensor::from(x, shape).to(dtype).set_requires_grad(true);
  backward(batch_norm(leaf, all(1.5), all(0), all(0), all(4),
                      {.training = false, .eps = 0, .activation = activation}),
           Tensor::from(dy, shape).to(dtype));
  EXPECT_TRUE(close(leaf.grad(), Tensor::from(expected, shape).to(dtype), 1e-6));
}

// There dx = weight / sqrt(variance + eps) * dy, as PyTorch has it, too.
TEST(BatchNorm, EvaluationHasAGradientWhereXIsInfinite) {
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    expect_gradient(dtype, {}, 1);
    expect_gradient(dtype, Scale{1}, 1);
    expect_gradient(dtype, Relu{}, 0);
    expect_gradient(dtype, LeakyRelu{0.25}, 0.25);
  }
}

// 1e4 away from 0 the squares of float32 numbers have no digits left for a variance of 1.
TEST(BatchNorm, KeepsThePrecisionOfVarianceFarFromZero) {
  const Shape shape{20000, 3};
  const Tensor noise = random_tensor(shape, 1, DType::Float32, Normal{1e4, 1});
  const Tensor mean = Tensor::empty({3}), variance = Tensor::empty({3});
  kernels({}).batch_norm_statistics(noise, mean, variance, nullptr);
  const Values x = values_of(noise), m = values_of(mean), v = values_of(variance);
  for (size_t c = 0; c < 3; ++c) {
    double exact_mean = 0, exact_variance = 0;
    for (size_t i = c; i < x.size(); i += 3) exact_mean += x[i] / 20000;
    for (size_t i = c; i < x.size(); i += 3) exact_variance += std::pow(x[i] - exact_mean, 2) / 20000;
    EXPECT_NEAR(m[c], exact_mean, 1e-3);  // a float32 at 1e4
    EXPECT_NEAR(v[c], exact_variance, 1e-4);
  }
}

// The second training forward moves what the first evaluation saved.
TEST(BatchNorm, NoticesRunningStatisticsThatMovedBeforeBackward) {
  const Tensor x = random_leaf({3, 2}, 1), one = row({1, 1}), zero = row({0, 0});
  const Tensor mean = row({0, 0}), variance = row({1, 1});
  const Tensor y = sum(batch_norm(x, one, zero, mean, variance, {.training = false}));
  batch_norm(x, one, zero, mean, variance);
  EXPECT_TRUE(contains(error_of([&] { backward(y); }), "[batch_norm] a tensor of shape (2)"));

  // Two training forwards before one backward are what a GAN's D step does.
  const Tensor a = sum(batch_norm(x, one, zero, mean, variance));
  batch_norm(x, one, zero, mean, variance);
  EXPECT_NO_THROW(backward(a));
}

}  // namespace
}  // namespace duel
