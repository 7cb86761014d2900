// The cross-entropies where they are delicate; the ordinary values are held against PyTorch elsewhere.
#include "ops/losses.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lib/autograd.h"
#include "tests/tensors.h"

namespace duel {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The loss of one number and its gradient.
struct Point {
  double value, grad;
};

Point at(Tensor (*loss)(const Tensor&, const Tensor&), double x, double target, DType dtype) {
  const Tensor input = Tensor::full({1}, x, dtype).set_requires_grad(true);
  const Tensor y = loss(input, Tensor::full({1}, target, dtype));
  backward(y);
  return {y.item(), input.grad().item()};
}

double softplus(double x) { return static_cast<double>(std::log1p(std::exp(static_cast<long double>(x)))); }

TEST(BceWithLogits, KeepsItsTailAtPlusMinusHundred) {
  struct Row {
    DType dtype;
    double tolerance;
  };
  for (const auto& [dtype, tolerance] : {Row{DType::Float32, 0.02}, Row{DType::Float64, 1e-15}}) {
    SCOPED_TRACE(name_of(dtype));
    // exp(-100) = 3.7e-44 is 26.5 times the smallest number of float32: hence its tolerance.
    for (const double target : {0.0, 1.0}) {
      const double right = target == 1 ? 100 : -100;
      EXPECT_NEAR(at(bce_with_logits, right, target, dtype).value / softplus(-100), 1, tolerance);
      EXPECT_NEAR(at(bce_with_logits, right, target, dtype).grad, 0, 1e-40);
      EXPECT_EQ(at(bce_with_logits, -right, target, dtype).value, 100);
      EXPECT_EQ(at(bce_with_logits, -right, target, dtype).grad, target == 1 ? -1 : 1);
    }
  }
}

TEST(BceWithLogits, IsExactToRoundingOverItsRange) {
  for (const double x : {-40.0, -16.5, -3.0, -1e-3, 0.0, 1e-9, 0.5, 8.0, 25.0}) {
    for (const double target : {0.0, 0.3, 1.0}) {
      const double expected = target * softplus(-x) + (1 - target) * softplus(x);
      const double grad = 1 / (1 + std::exp(-x)) - target;
      EXPECT_NEAR(at(bce_with_logits, x, target, DType::Float64).value, expected, 1e-15 * (1 + std::fabs(x)));
      EXPECT_NEAR(at(bce_with_logits, x, target, DType::Float64).grad, grad, 1e-15);
      EXPECT_NEAR(at(bce_with_logits, x, target, DType::Float32).value, expected, 2e-7 * (1 + std::fabs(x)));
      EXPECT_NEAR(at(bce_with_logits, x, target, DType::Float32).grad, grad, 1e-7);
    }
  }
}

TEST(BceWithLogits, StaysFiniteForExtremeLogits) {
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    for (const double x : {89.0, 710.0, 1e4, 1e38}) {
      EXPECT_FLOAT_EQ(at(bce_with_logits, x, 0, dtype).value, x);
      EXPECT_EQ(at(bce_with_logits, x, 0, dtype).grad, 1);
      EXPECT_NEAR(at(bce_with_logits, x, 1, dtype).value, 0, 1e-38);
      EXPECT_FLOAT_EQ(at(bce_with_logits, -x, 1, dtype).value, x);
      EXPECT_EQ(at(bce_with_logits, -x, 1, dtype).grad, -1);
      EXPECT_NEAR(at(bce_with_logits, -x, 0, dtype).value, 0, 1e-38);
    }
  }
}

TEST(Bce, CutsLogarithmAndGradient) {
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    EXPECT_EQ(at(bce, 0, 1, dtype).value, 100);
    EXPECT_EQ(at(bce, 1, 0, dtype).value, 100);
    EXPECT_EQ(at(bce, 0, 0, dtype).value, 0);
    EXPECT_EQ(at(bce, 1, 1, dtype).value, 0);
    EXPECT_NEAR(at(bce, 0, 1, dtype).grad, -1e12, 1e5);
    EXPECT_EQ(at(bce, 1, 1, dtype).grad, 0);
  }
}

// A network that has diverged must be seen to have.
TEST(Losses, LetNaNAndInfinityThrough) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    for (const auto loss : {bce_with_logits, bce}) {
      for (const double target : {0.0, 0.5, 1.0}) {
        EXPECT_TRUE(std::isnan(at(loss, nan, target, dtype).value));
        EXPECT_TRUE(std::isnan(at(loss, nan, target, dtype).grad));
      }
    }
    EXPECT_FALSE(std::isfinite(at(bce_with_logits, kInfinity, 0, dtype).value));
    EXPECT_FALSE(std::isfinite(at(bce_with_logits, -kInfinity, 1, dtype).value));
    EXPECT_TRUE(std::isnan(at(bce, 1.5, 0, dtype).value));  // no probability
  }
}

TEST(Losses, AverageOverAllElements) {
  const Tensor x = random_leaf({30, 1000}, 1),
               target = random_tensor({30, 1000}, 2, DType::Float64, Uniform{});
  const Tensor y = bce_with_logits(x, target);
  EXPECT_EQ(y.shape(), Shape{});
  double sum = 0;
  for (size_t i = 0; i < 30000; ++i) {
    const double v = x.data<double>()[i], t = target.data<double>()[i];
    sum += t * softplus(-v) + (1 - t) * softplus(v);
  }
  EXPECT_NEAR(y.item(), sum / 30000, 1e-12);
}

}  // namespace
}  // namespace duel
