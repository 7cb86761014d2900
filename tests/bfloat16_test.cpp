// The type that activations are stored in: rounding, tensors of it, cast and its gradient.
#include "lib/bfloat16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lib/autograd.h"
#include "lib/kernels.h"
#include "lib/optim.h"
#include "ops/activations.h"
#include "ops/arithmetic.h"
#include "ops/cast.h"
#include "ops/conv2d.h"
#include "ops/reductions.h"

namespace duel {
namespace {

float rounded(float x) { return static_cast<float>(BFloat16(x)); }

TEST(BFloat16, EveryNumberOfItStaysItself) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    BFloat16 x;
    x.bits = static_cast<uint16_t>(bits);
    const auto value = static_cast<float>(x);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(rounded(value))) << bits;
    } else {
      EXPECT_EQ(BFloat16(value).bits, bits);
    }
  }
}

TEST(BFloat16, RoundsToTheNearestAndTiesToEven) {
  const float step = 0x1p-7f;  // from 1 to the next number
  EXPECT_EQ(rounded(1 + 0.49f * step), 1);
  EXPECT_EQ(rounded(1 + 0.51f * step), 1 + step);
  EXPECT_EQ(rounded(1 + 0.5f * step), 1);
  EXPECT_EQ(rounded(1 + 1.5f * step), 1 + 2 * step);
  EXPECT_EQ(rounded(-1 - 1.5f * step), -1 - 2 * step);
  EXPECT_EQ(rounded(1e-40f) > 0, true) << "small numbers keep their sign";
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(rounded(std::numeric_limits<float>::max()), infinity);
  EXPECT_EQ(rounded(-infinity), -infinity);
  EXPECT_TRUE(std::signbit(rounded(-0.0f)));
}

TEST(BFloat16, TensorsHoldIt) {
  const Tensor x = Tensor::from<float>(std::vector<float>{1, -2.51f, 1e30f}, {3}).to(DType::BFloat16);
  EXPECT_EQ(x.bytes(), 6u);
  EXPECT_EQ(x.to(DType::Float64).to_vector<double>(),
            (std::vector<double>{1, double{rounded(-2.51f)}, double{rounded(1e30f)}}));
  EXPECT_EQ(Tensor::full({1}, -2.51, DType::BFloat16).item(), double{rounded(-2.51f)});
  EXPECT_EQ(x.to(DType::Float32).to(DType::BFloat16).to_vector<BFloat16>()[1].bits, BFloat16(-2.51f).bits);
}

TEST(BFloat16, CastRoundsForwardAndItsGradientBackward) {
  Tensor x = Tensor::from<float>(std::vector<float>{0.1f, -1.003f}, {2});
  x.set_requires_grad(true);
  const Tensor y = cast(cast(x, DType::BFloat16), DType::Float32);
  EXPECT_EQ(y.to_vector<float>(), (std::vector<float>{rounded(0.1f), rounded(-1.003f)}));
  backward(y, Tensor::from<float>(std::vector<float>{0.3f, 7.01f}, {2}));
  EXPECT_EQ(x.grad().to_vector<float>(), (std::vector<float>{rounded(0.3f), rounded(7.01f)}));
  EXPECT_EQ(cast(x, DType::Float32).raw(), x.raw()) << "nothing is copied";
}

TEST(BFloat16, CastAddsToAGradientThatIsThere) {
  Tensor x = Tensor::from<float>(std::vector<float>{0.5f}, {1});
  x.set_requires_grad(true);
  const Tensor twice = add(cast(x, DType::Float64), cast(x, DType::Float64));
  backward(twice, Tensor::full({1}, 0.3, DType::Float64));
  EXPECT_FLOAT_EQ(x.grad().to_vector<float>()[0], 0.6f);
}

// ---- rounded copies ----

std::vector<float> rounded_values(const Tensor& x) {
  return x.form(Form::BFloat16).to(DType::Float32).to_vector<float>();
}

TEST(RoundedCopy, IsMadeWhenAskedForAndFollowsEveryChange) {
  const Tensor x = Tensor::from<float>(std::vector<float>{0.1f, 0.2f, 0.3f, 0.4f}, {2, 2});
  EXPECT_FALSE(x.form_copy(Form::BFloat16).defined());
  EXPECT_EQ(rounded_values(x),
            (std::vector<float>{rounded(0.1f), rounded(0.2f), rounded(0.3f), rounded(0.4f)}));
  EXPECT_EQ(x.form(Form::BFloat16).raw(), x.form_copy(Form::BFloat16).raw());
  x.fill(0.7);
  EXPECT_EQ(rounded_values(x), std::vector<float>(4, rounded(0.7f)));
  x.copy_from(Tensor::full({2, 2}, 0.9));
  EXPECT_EQ(rounded_values(x), std::vector<float>(4, rounded(0.9f)));
  const Tensor row = x.rows(1, 1);
  row.fill(0.6);
  EXPECT_EQ(rounded_values(x),
            (std::vector<float>{rounded(0.9f), rounded(0.9f), rounded(0.6f), rounded(0.6f)}));
  EXPECT_EQ(rounded_values(row), std::vector<float>(2, rounded(0.6f)));
}

// Or every part that was ever asked for would take memory, and time at each change.
TEST(RoundedCopy, IsKeptOfWholeTensorsAlone) {
  const Tensor table = Tensor::full({8, 4}, 0.3);
  for (int64_t i = 0; i < 8; ++i) {
    EXPECT_EQ(rounded_values(table.rows(i, 1)), std::vector<float>(4, rounded(0.3f)));
    EXPECT_FALSE(table.rows(i, 1).form_copy(Form::BFloat16).defined());
  }
  EXPECT_FALSE(table.form_copy(Form::BFloat16).defined());
}

TEST(RoundedCopy, FollowsTheOptimizer) {
  for (const bool asked_before : {false, true}) {
    Tensor x = Tensor::full({3}, 0.5);
    x.set_requires_grad(true);
    if (asked_before) x.form(Form::BFloat16);
    Optimizer optimizer = sgd({x}, {"x"}, {.lr = 0.01});
    backward(x, Tensor::full({3}, 1));
    optimizer.step();
    EXPECT_EQ(rounded_values(x), std::vector<float>(3, rounded(x.to_vector<float>()[0]))) << asked_before;
    EXPECT_FLOAT_EQ(x.to_vector<float>()[0], 0.49f);
  }
}

TEST(RoundedCopy, IsOfFloat32) {
  EXPECT_THROW(Tensor::zeros({2}, DType::Float64).form(Form::BFloat16), Error);
  const Tensor weight = Tensor::zeros({2});
  EXPECT_EQ(weight_for(Tensor::zeros({1}), weight).raw(), weight.raw());
  EXPECT_EQ(weight_for(Tensor::zeros({1}, DType::BFloat16), weight).dtype(), DType::BFloat16);
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(BFloat16, IsStoredAndNotComputedWithOnTheCpu) {
  EXPECT_EQ(kernels({}).activation_type(), DType::Float32);
  const Tensor x = Tensor::zeros({1, 4, 4, 2}, DType::BFloat16);
  EXPECT_EQ(message_of([&] { relu(x); }),
            "[relu] x must hold float32 or float64, or bfloat16 on a card; got bfloat16 of shape (1, 4, 4, "
            "2) on cpu: "
            "convert it by to(DType::Float32)");
  EXPECT_EQ(message_of([&] { cast(x, DType::UInt8); }),
            "[cast] goes from one floating type to another, not from bfloat16 to uint8");
  EXPECT_EQ(message_of([&] {
              add(x, Tensor::zeros({1, 4, 4, 2}));
            }),
            "[add] inputs differ in type: bfloat16 and float32");
}

}  // namespace
}  // namespace duel
