// The formulas of lib/functors.h at their edges.
#include "lib/functors.h"

#include <gtest/gtest.h>

#include <limits>

#include "lib/autograd.h"
#include "ops/activations.h"
#include "tests/tensors.h"

namespace duel {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST(Functors, SaturateWithoutOverflow) {
  for (const float x : {90.0f, 1e30f, kInfinity}) {
    EXPECT_EQ(Sigmoid{}.value(x), 1.0f);
    EXPECT_NEAR(Sigmoid{}.value(-x), 0.0f, 1e-38f);
    EXPECT_EQ(Tanh{}.value(x), 1.0f);
    EXPECT_EQ(Tanh{}.value(-x), -1.0f);
    EXPECT_EQ(Relu{}.value(x), x);
    EXPECT_EQ(Relu{}.value(-x), 0.0f);
    EXPECT_EQ(Abs{}.value(-x), x);
  }
  EXPECT_EQ(LeakyRelu{0.2}.value(-10.0f), -2.0f);
  EXPECT_EQ(LeakyRelu{0}.grad(LeakyRelu{0}.value(-10.0f), 1.0f), 0.0f);
}

// As loops compiled for vectors, too: what a comparison selects for NaN is easily the other side.
TEST(Functors, KeepNaN) {
  const Tensor x = Tensor::full({37}, static_cast<double>(kNaN));
  for (const Tensor& y : {relu(x), leaky_relu(x, 0.2), sigmoid(x), tanh(x), abs(x), log(x), scale(x, 2)})
    for (const double value : values_of(y)) EXPECT_TRUE(std::isnan(value));
}

// Nor does its gradient make a unit that is NaN look like one that is at rest.
TEST(Functors, TheGradientOfReLUPassesNaN) {
  Tensor x = Tensor::full({37}, static_cast<double>(kNaN)).set_requires_grad(true);
  backward(relu(x), Tensor::full({37}, 3));
  EXPECT_EQ(values_of(x.grad()), std::vector<double>(37, 3));
}

TEST(Functors, HaveNoGradientAtAKink) {
  EXPECT_EQ(Relu{}.grad(Relu{}.value(0.0f), 5.0f), 0.0f);
  EXPECT_EQ(Abs{}.grad(0.0f, 5.0f), 0.0f);
}

TEST(Functors, TheLogarithmOfZeroIsInfinite) {
  EXPECT_EQ(Log{}.value(0.0f), -kInfinity);
  EXPECT_TRUE(std::isnan(Log{}.value(-1.0f)));
}

TEST(Functors, MapBytesToTheRangeOfTanh) {
  EXPECT_EQ(pixel_value<float>(0), -1.0f);
  EXPECT_EQ(pixel_value<float>(255), 1.0f);
  EXPECT_NEAR(pixel_value<double>(127), -pixel_value<double>(128), 1e-15);
}

TEST(Functors, AdamsFirstStepIsTheRate) {
  // With the bias corrections, a first step moves by lr whatever the gradient's size.
  for (const double gradient : {1e-4, 1.0, -300.0}) {
    double p = 1, a = 0, b = 0;
    const AdamUpdate adam;
    adam.apply(p, gradient, a, b, adam.prepare(0.01, 1));
    EXPECT_NEAR(p, gradient > 0 ? 0.99 : 1.01, 1e-6);
  }
}

TEST(Functors, RmspropClipsAndDecays) {
  const RmspropUpdate update{.alpha = 0, .eps = 0, .clip_value = 0.5, .decay = 1};
  double p = 0, a = 0, b = 0;
  update.apply(p, -7.0, a, b, update.prepare(0.1, 1));
  EXPECT_EQ(a, 0.25);
  EXPECT_EQ(p, 0.1);
  EXPECT_EQ(update.prepare(0.1, 5).rate, 0.1 / 5);
  double q = 0, c = 0, d = 0;
  update.apply(q, 0.25, c, d, update.prepare(0.1, 1));
  EXPECT_EQ(c, 0.0625);  // within the limit
}

}  // namespace
}  // namespace duel
