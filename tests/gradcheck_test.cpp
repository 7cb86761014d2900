// The gradient check must find what it is there for.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "lib/autograd.h"
#include "ops/activations.h"
#include "ops/arithmetic.h"
#include "ops/batch_norm.h"
#include "ops/check/gradcheck_table.h"
#include "ops/dropout.h"
#include "ops/reductions.h"
#include "tests/files.h"
#include "tests/tensors.h"

namespace duel {
namespace {

/// y = x, whose gradient is wrong at one element.
struct WrongNode final : Node {
  int64_t element = 0;
  double factor = 1;

  const char* name() const override { return "wrong"; }
  void backward(const Tensor& dy) override {
    std::vector<double> dx = dy.to_vector<double>();
    dx[static_cast<size_t>(element)] *= factor;
    pass(0, Tensor::from(dx, dy.shape()));
  }
  void release() override {}
};

Tensor wrong(const Tensor& x, int64_t element, double factor) {
  const Tensor y = x.detach().clone();
  if (needs_grad({x})) {
    auto node = std::make_shared<WrongNode>();
    node->element = element;
    node->factor = factor;
    record(y, std::move(node), {x});
  }
  return y;
}

TEST(Gradcheck, NamesInputAndElementOfAWrongGradient) {
  const Tensor a = random_leaf({4}, 1), b = random_leaf({4}, 2);
  const GradcheckResult result = gradcheck([&] { return add(a, wrong(b, 3, 1 + 1e-5)); }, {a, b});
  EXPECT_FALSE(result.passed);
  EXPECT_EQ(result.input, 1u);
  EXPECT_EQ(result.element, 3);
  EXPECT_NEAR(result.error, 1e-5, 1e-6);
  EXPECT_NEAR(result.analytic / result.numeric, 1 + 1e-5, 1e-8);
  EXPECT_TRUE(contains(result.str({"a", "b"}), "FAILED, all 8 elements"));
  EXPECT_TRUE(contains(result.str({"a", "b"}), "at element 3 of input b: analytic"));
  EXPECT_TRUE(contains(result.str(), "of input 1: analytic"));
}

TEST(Gradcheck, ATableFailsWithOneOfItsRows) {
  const Tensor a = random_leaf({4}, 1), b = random_leaf({4}, 2);
  const auto checked = [&](double factor) {
    return gradcheck([&] { return add(a, wrong(b, 3, factor)); }, {a, b});
  };
  GradcheckRow good("good"), bad("bad");
  good.add(checked(1), "first", {"a", "b"});
  for (const double factor : {1.0, 2.0, 1.0}) bad.add(checked(factor), concat("times ", factor), {"a", "b"});
  std::ostringstream out;
  GradcheckTable table(out);
  table.add(good);
  EXPECT_TRUE(table.passed());
  EXPECT_FALSE(contains(out.str(), "FAIL")) << out.str();
  table.add(bad);
  table.add(good);
  EXPECT_FALSE(table.passed());
  EXPECT_TRUE(contains(out.str(), "bad                     3         24 of 24 ")) << out.str();
  EXPECT_TRUE(contains(out.str(), "FAIL  times 2 b[3]\n")) << out.str();
}

TEST(Gradcheck, AllowsRelativeAndAbsoluteTolerance) {
  const Tensor x = random_leaf({2}, 1);
  const auto function = [&] { return wrong(x, 0, 1.001); };
  EXPECT_FALSE(gradcheck(function, {x}).passed);
  EXPECT_TRUE(gradcheck(function, {x}, {.rtol = 2e-3}).passed);
  EXPECT_TRUE(gradcheck(function, {x}, {.atol = 2e-3}).passed);
}

TEST(Gradcheck, RefinesItsStepAtAKinkAlone) {
  // The kink lies within the first step to either side of the third element.
  const Tensor x = Tensor::from(std::vector<double>{0.5, -0.5, 3e-6, 0.25}, {4}).set_requires_grad(true);
  const auto function = [&] { return relu(x); };
  EXPECT_EQ(gradcheck(function, {x}).element, 2);
  EXPECT_FALSE(gradcheck(function, {x}).passed);
  const GradcheckResult result = gradcheck(function, {x}, {.refinements = 1});
  EXPECT_TRUE(result.passed);
  EXPECT_EQ(result.refined, 1);
  EXPECT_TRUE(contains(result.str(), "passed, all 4 elements (1 in smaller steps), worst"));
  EXPECT_FALSE(gradcheck([&] { return wrong(x, 0, 1.001); }, {x}, {.refinements = 3}).passed);
}

TEST(Gradcheck, FailsOnNaN) {
  const Tensor x = random_leaf({3}, 1);
  const GradcheckResult result =
      gradcheck([&] { return wrong(x, 1, std::numeric_limits<double>::quiet_NaN()); }, {x});
  EXPECT_FALSE(result.passed);
  EXPECT_EQ(result.element, 1);
  EXPECT_TRUE(std::isinf(result.error));
}

TEST(Gradcheck, FailsWhereAGradientIsMissing) {
  const Tensor a = random_leaf({2}, 1), b = random_leaf({2}, 2);
  const GradcheckResult result = gradcheck([&] { return add(a, b.detach()); }, {a, b});
  EXPECT_FALSE(result.passed);
  EXPECT_EQ(result.input, 1u);
  EXPECT_EQ(result.analytic, 0);
}

// The gradient of batch norm's plain sum with respect to x is 0 whatever backward does.
TEST(Gradcheck, WeighsTheOutputs) {
  const Tensor x = random_leaf({5, 2}, 1), weight = random_leaf({2}, 2), bias = random_leaf({2}, 3);
  const auto function = [&] { return wrong(batch_norm(x, weight, bias, {}, {}), 0, 1.01); };
  const GradcheckResult result = gradcheck(function, {x});
  EXPECT_FALSE(result.passed);
  EXPECT_GT(std::fabs(result.numeric), 0.01);
}

TEST(Gradcheck, DrawsElementsOfLargeInputs) {
  const Tensor large = random_leaf({1000}, 1), small = random_leaf({3}, 2);
  int calls = 0;
  const auto function = [&] {
    ++calls;
    return add(sum(large), sum(small));
  };
  const GradcheckResult result = gradcheck(function, {large, small}, {.max_elements = 10});
  EXPECT_TRUE(result.passed) << result.str();
  EXPECT_EQ(result.checked, 13);
  EXPECT_EQ(result.elements, 1003);
  EXPECT_TRUE(contains(result.str(), "passed, 13 of 1003 elements"));
  EXPECT_EQ(calls, 2 + 1 + 2 * 13);
}

TEST(Gradcheck, DrawsOtherElementsWithAnotherSeed) {
  const Tensor x = random_leaf({100}, 1);
  const auto element = [&](uint64_t seed) {
    return gradcheck([&] { return scale(x, 2); }, {x}, {.max_elements = 1, .seed = seed}).element;
  };
  EXPECT_EQ(element(1), element(1));
  EXPECT_NE(element(1), element(2));
}

TEST(Gradcheck, LeavesInputsAsTheyWere) {
  const Tensor x = random_leaf({4}, 1);
  const Tensor before = x.detach().clone();
  EXPECT_TRUE(gradcheck([&] { return mul(x, x); }, {x}).passed);
  EXPECT_TRUE(same(x, before));
  EXPECT_FALSE(x.grad().defined());

  int calls = 0;
  EXPECT_THROW(gradcheck(
                   [&] {
                     check(++calls < 5, "stopped on the way");
                     return mul(x, x);
                   },
                   {x}),
               Error);
  EXPECT_TRUE(same(x, before));
}

TEST(Gradcheck, RefusesWhatItCannotCheck) {
  const Tensor x = random_leaf({4}, 1);
  const auto check_input = [](const Tensor& input) {
    return error_of([&] { gradcheck([&] { return scale(input, 2); }, {input}); });
  };
  const char* const unfit = "[gradcheck] input 0 must be a float64 leaf that requires a gradient";
  EXPECT_EQ(check_input(random_leaf({4}, 1, DType::Float32)), unfit);
  EXPECT_EQ(check_input(random_tensor({4}, 1)), unfit);
  EXPECT_EQ(check_input(scale(x, 1)), unfit);
  EXPECT_EQ(error_of([&] { gradcheck([&] { return x; }, {x}, {.step = 0}); }),
            "[gradcheck] rtol, atol and step must be positive");

  RandomStream stream(1, Stream::Dropout);
  EXPECT_EQ(error_of([&] { gradcheck([&] { return dropout(x, 0.5, true, stream); }, {x}); }),
            "[gradcheck] the function gives different results for the same inputs");
  const Tensor negative = Tensor::full({2}, -1, DType::Float64).set_requires_grad(true);
  EXPECT_EQ(error_of([&] { gradcheck([&] { return log(negative); }, {negative}); }),
            "[gradcheck] the function's result is not finite");
}

}  // namespace
}  // namespace duel
