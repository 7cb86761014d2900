#include "lib/autograd.h"

#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "lib/allocator.h"
#include "lib/kernels.h"
#include "ops/activations.h"
#include "ops/arithmetic.h"
#include "ops/cast.h"
#include "ops/conv2d.h"
#include "ops/layout.h"
#include "ops/matmul.h"
#include "ops/reductions.h"
#include "tests/files.h"
#include "tests/tensors.h"

namespace duel {
namespace {

using Values = std::vector<double>;

Tensor leaf(const Values& values) {
  return Tensor::from(values, {static_cast<int64_t>(values.size())}).set_requires_grad(true);
}

Tensor ones_like(const Tensor& x) { return Tensor::full(x.shape(), 1, x.dtype()); }

int64_t bytes_in_use() { return kernels({}).allocator().stats().bytes_in_use; }

// ---- where gradients flow ----

TEST(Autograd, FollowsTheChainRuleThroughSharedInputs) {
  const Tensor a = leaf({2, -3}), b = leaf({5, 7});
  // y = a b (a + b): dy/da = 2ab + b^2, dy/db = a^2 + 2ab. a and b are used twice, the product once.
  backward(mul(mul(a, b), add(a, b)), ones_like(a));
  EXPECT_EQ(values_of(a.grad()), (Values{2 * 2 * 5 + 25, 2 * -3 * 7 + 49}));
  EXPECT_EQ(values_of(b.grad()), (Values{4 + 2 * 2 * 5, 9 + 2 * -3 * 7}));
}

TEST(Autograd, VisitsANodeAfterAllThatUseIt) {
  // A diamond whose sides have different lengths: y = s + scale(scale(s)) with s = 3x.
  const Tensor x = leaf({1});
  const Tensor s = scale(x, 3);
  backward(add(s, scale(scale(s, 2), 5)));
  EXPECT_EQ(values_of(x.grad()), (Values{3 * (1 + 10)}));
}

TEST(Autograd, TakesTheSameTensorOnBothSides) {
  const Tensor x = leaf({3, -2});
  backward(mul(x, x), ones_like(x));
  EXPECT_EQ(values_of(x.grad()), (Values{6, -4}));
  x.zero_grad();
  backward(sub(x, x), ones_like(x));
  EXPECT_EQ(values_of(x.grad()), (Values{0, 0}));
}

TEST(Autograd, StartsFromOneOrFromASeed) {
  const Tensor x = leaf({1, 2, 3});
  backward(sum(x));
  EXPECT_EQ(values_of(x.grad()), (Values{1, 1, 1}));
  x.zero_grad();
  backward(scale(x, 2), Tensor::from(Values{1, 10, 100}, {3}));
  EXPECT_EQ(values_of(x.grad()), (Values{2, 20, 200}));
  EXPECT_EQ(
      error_of([&] { backward(scale(x, 2)); }),
      "[backward] a tensor of shape (3) needs a seed of that shape; only a single number has an obvious "
      "one");
  EXPECT_EQ(error_of([&] { backward(scale(x, 2), Tensor::zeros({2}, DType::Float64)); }),
            "[backward] seed must have shape (3), got (2)");
  EXPECT_EQ(error_of([&] { backward(scale(x, 2), Tensor::zeros({3}, DType::Float32)); }),
            "[backward] inputs differ in type: float64 and float32");
}

TEST(Autograd, AddsTheSeedToALeafThatIsTheRoot) {
  const Tensor x = leaf({1, 2});
  const Tensor seed = Tensor::from(Values{3, 4}, {2});
  backward(x, seed);
  backward(x, seed);
  EXPECT_EQ(values_of(x.grad()), (Values{6, 8}));
  EXPECT_EQ(values_of(seed), (Values{3, 4}));
}

TEST(Autograd, SkipsWhatNeedsNoGradient) {
  const Tensor x = leaf({1, 2}), frozen = Tensor::from(Values{3, 4}, {2});
  EXPECT_FALSE(mul(frozen, frozen).requires_grad());
  const Tensor y = mul(x, frozen);
  EXPECT_TRUE(y.requires_grad());
  backward(y, ones_like(x));
  EXPECT_EQ(values_of(x.grad()), (Values{3, 4}));
  EXPECT_FALSE(frozen.grad().defined());
}

TEST(Autograd, StopsAtDetach) {
  const Tensor x = leaf({2});
  const Tensor y = scale(x, 3);
  const Tensor z = mul(y, y.detach());  // as if one factor were the constant 6
  backward(z);
  EXPECT_EQ(values_of(x.grad()), (Values{18}));
  EXPECT_FALSE(y.detach().requires_grad());
  EXPECT_EQ(y.detach().raw(), y.raw());
}

TEST(Autograd, RecordsNothingUnderNoGrad) {
  const Tensor x = leaf({2});
  {
    const NoGrad outer;
    {
      const NoGrad inner;
      EXPECT_FALSE(scale(x, 3).requires_grad());
    }
    EXPECT_FALSE(scale(x, 3).requires_grad());
    // Of this thread alone.
    bool recorded = false;
    std::thread([&] { recorded = scale(x, 3).requires_grad(); }).join();
    EXPECT_TRUE(recorded);
  }
  EXPECT_TRUE(scale(x, 3).requires_grad());
}

TEST(Autograd, RefusesARootWithoutGradient) {
  const Tensor x = leaf({2});
  const char* const message =
      "[backward] no gradient flows to this tensor: it was computed from tensors that require none, or under "
      "NoGrad";
  EXPECT_EQ(error_of([&] { backward(scale(x.detach(), 2)); }), message);
  EXPECT_EQ(error_of([&] {
              const NoGrad no_grad;
              backward(scale(x, 2));
            }),
            message);
}

TEST(Autograd, FreezesAndThawsLeaves) {
  Tensor x = leaf({2});
  x.set_requires_grad(false);
  EXPECT_FALSE(scale(x, 2).requires_grad());
  x.set_requires_grad(true);
  backward(scale(x, 2));
  EXPECT_EQ(values_of(x.grad()), (Values{2}));
  // Asking again keeps the gradient; freezing puts it out of sight until the leaf is thawed.
  x.set_requires_grad(true);
  EXPECT_TRUE(x.grad().defined());
  x.set_requires_grad(false);
  x.set_requires_grad(false);
  EXPECT_FALSE(x.grad().defined());
  x.set_requires_grad(true);
  EXPECT_EQ(values_of(x.grad()), (Values{2}));

  Tensor y = scale(leaf({2}), 2);
  EXPECT_EQ(error_of([&] { y.set_requires_grad(false); }),
            "[set_requires_grad] only a leaf can be told; detach() the result of scale first");
  Tensor counter = Tensor::zeros({1}, DType::Int64);
  EXPECT_EQ(error_of([&] { counter.set_requires_grad(true); }),
            "[set_requires_grad] a tensor of int64 has no gradient");
}

// ---- one graph, one backward; no changes in between ----

TEST(Autograd, RefusesASecondBackward) {
  const Tensor x = leaf({2});
  const Tensor y = mul(x, x), z = scale(y, 2);
  backward(z);
  EXPECT_EQ(error_of([&] { backward(z); }),
            "[backward] this graph was used already: one forward serves one backward; compute the forward "
            "again");
  // The same through another root on top of the used part.
  EXPECT_EQ(error_of([&] { backward(scale(y, 3)); }),
            "[mul] was part of a graph that an earlier backward used; compute its forward again, or detach() "
            "its result");
}

// A gradient that was begun and not written is none, and one that was there before is what it was.
TEST(Autograd, ABackwardThatThrowsLeavesNoGradientHalfWritten) {
  const Tensor x = leaf({2, 3}), w = leaf({5, 7}), v = leaf({1, 1});
  const Tensor broken = sum(add(mul(x, w), v));
  w.fill(1);
  EXPECT_TRUE(contains(error_of([&] { backward(broken); }), "was changed in place"));
  EXPECT_FALSE(x.grad().defined());
  EXPECT_FALSE(w.grad().defined());
  EXPECT_EQ(values_of(v.grad()), (Values{1, 1})) << "came before";
  EXPECT_TRUE(contains(error_of([&] { backward(broken); }), "was used already"));

  backward(sum(mul(x, w)));
  EXPECT_EQ(values_of(x.grad()), (Values{1, 1}));
  const Tensor again = sum(mul(x, w));
  w.fill(4);
  EXPECT_TRUE(contains(error_of([&] { backward(again); }), "was changed in place"));
  EXPECT_EQ(values_of(x.grad()), (Values{1, 1}));

  // Gradients that are passed on without a copy have memory of their own afterwards all the same.
  const Tensor seed = Tensor::full({2}, 1, DType::Float64), u = leaf({1, 1});
  const Tensor late = add(u, mul(x, w));
  w.fill(2);
  EXPECT_TRUE(contains(error_of([&] { backward(late, seed); }), "was changed in place"));
  u.grad().fill(9);
  EXPECT_EQ(values_of(seed), (Values{1, 1}));
}

// What a node was given and did not come to pass on is nothing that a later backward may find there.
TEST(Autograd, ABackwardThatThrowsLeavesNothingInTheNodesItDidNotVisit) {
  const Tensor x = leaf({1}), w = leaf({5});
  const Tensor used = scale(x, 3), doubled = scale(w, 2);
  backward(used);
  EXPECT_TRUE(contains(error_of([&] { backward(add(doubled, used)); }), "an earlier backward used"));
  backward(doubled);
  EXPECT_EQ(values_of(w.grad()), (Values{2}));
}

TEST(Autograd, RefusesATensorChangedInPlace) {
  const auto message_after = [](const auto& change) {
    const Tensor x = leaf({2, 3}), factor = Tensor::from(Values{4, 5}, {2});
    const Tensor y = mul(x, factor);
    change(factor);
    return error_of([&] { backward(y, ones_like(x)); });
  };
  const std::string expected = "[mul] a tensor of shape (2) that its gradient needs was changed in place";
  EXPECT_TRUE(contains(message_after([](const Tensor& t) { t.fill(0); }), expected));
  EXPECT_TRUE(contains(message_after([](const Tensor& t) { t.copy_from(t.detach().clone()); }), expected));
  EXPECT_TRUE(contains(message_after([](const Tensor& t) { t.rows(0, 1).fill(0); }), expected));
  EXPECT_TRUE(contains(
      message_after([](const Tensor& t) { RandomStream(1, Stream::Check).fill(t, Normal{}); }), expected));
  EXPECT_TRUE(contains(message_after([](const Tensor& t) { t.upload(Values{1, 2}.data()); }), expected));
}

TEST(Autograd, AllowsChangesToWhatNoGradientNeeds) {
  const Tensor x = leaf({2, 3}), b = Tensor::from(Values{4, 5}, {2});
  const Tensor y = add(x, b);
  b.fill(0);
  x.fill(0);
  backward(y, ones_like(x));
  EXPECT_EQ(values_of(x.grad()), (Values{1, 1}));
}

// Of a product only the other factor is saved: where one is frozen, the other may change before backward.
TEST(Autograd, SavesOnlyTheFactorsThatAGradientNeeds) {
  struct Product {
    const char* name;
    Shape a, b;
    Tensor (*run)(const Tensor& a, const Tensor& b);
  };
  const Product products[] = {
      {"mul", {2, 3}, {2, 3}, mul},
      {"matmul", {2, 3}, {3, 4}, matmul},
      {"linear", {2, 3}, {4, 3}, [](const Tensor& a, const Tensor& b) { return linear(a, b); }},
      {"conv2d", {1, 4, 4, 2}, {3, 3, 3, 2}, [](const Tensor& a, const Tensor& b) { return conv2d(a, b); }},
      {"conv_transpose2d",
       {1, 4, 4, 2},
       {2, 3, 3, 3},
       [](const Tensor& a, const Tensor& b) { return conv_transpose2d(a, b); }},
  };
  for (const Product& product : products) {
    SCOPED_TRACE(product.name);
    for (const bool first_is_frozen : {true, false}) {
      Tensor a = random_tensor(product.a, 1), b = random_tensor(product.b, 2);
      Tensor& learning = first_is_frozen ? b : a;
      learning.set_requires_grad(true);
      const Tensor y = product.run(a, b);
      learning.fill(0);
      EXPECT_NO_THROW(backward(y, ones_like(y)));
    }
  }
}

// ---- gradients that share memory ----

// add() hands dy on without a copy: both leaves, and the seed, would then be one piece of memory.
TEST(Autograd, LeavesGetGradientsOfTheirOwn) {
  const Tensor a = leaf({1, 1}), b = leaf({1, 1}), c = leaf({1, 1});
  const Tensor seed = Tensor::from(Values{1, 2}, {2});
  backward(add(a, b), seed);
  backward(c, seed);
  a.grad().fill(9);
  seed.fill(100);
  EXPECT_EQ(values_of(a.grad()), (Values{9, 9}));
  EXPECT_EQ(values_of(b.grad()), (Values{1, 2}));
  EXPECT_EQ(values_of(c.grad()), (Values{1, 2}));
}

// What only a leaf has is not copied: batch norm's gradients of its weight and bias, say.
TEST(Autograd, TakesAGradientThatNobodyElseHas) {
  const Tensor a = leaf({1, 1});
  backward(sum(add(a, Tensor::from(Values{1, 1}, {2}))));
  EXPECT_EQ(values_of(a.grad()), (Values{1, 1}));
  const int64_t before = kernels({}).allocator().stats().bytes_in_use;
  a.zero_grad();  // memory of its own would be kept for the next gradient
  EXPECT_LT(kernels({}).allocator().stats().bytes_in_use, before);
}

TEST(Autograd, AddsToAGradientThatWasHandedOn) {
  const Tensor a = leaf({1, 1}), b = leaf({1, 1});
  const Tensor seed = Tensor::from(Values{1, 2}, {2});
  backward(add(a, b), seed);
  backward(scale(a, 10), seed);
  EXPECT_EQ(values_of(a.grad()), (Values{11, 22}));
  EXPECT_EQ(values_of(b.grad()), (Values{1, 2}));
  EXPECT_EQ(values_of(seed), (Values{1, 2}));
}

TEST(Autograd, CopiesASharedGradientWithinOneGraph) {
  const Tensor a = leaf({1, 1}), b = leaf({1, 1});
  const Tensor s = add(a, b);  // passes dy on to a and b
  backward(add(s, mul(a, a)), Tensor::from(Values{1, 2}, {2}));
  EXPECT_EQ(values_of(a.grad()), (Values{1 + 2, 2 + 4}));
  EXPECT_EQ(values_of(b.grad()), (Values{1, 2}));
}

TEST(Autograd, ZeroGradForgetsButDoesNotTouchSharedMemory) {
  const Tensor a = leaf({1, 1}), b = leaf({1, 1});
  backward(add(a, b), Tensor::from(Values{1, 2}, {2}));
  a.zero_grad();
  EXPECT_FALSE(a.grad().defined());
  backward(scale(a, 5), Tensor::from(Values{1, 1}, {2}));
  EXPECT_EQ(values_of(a.grad()), (Values{5, 5}));
  EXPECT_EQ(values_of(b.grad()), (Values{1, 2}));
}

TEST(Autograd, ReusesTheMemoryOfAForgottenGradient) {
  const Tensor x = leaf({1, 1});
  backward(scale(x, 5), ones_like(x));
  const void* const memory = x.grad().raw();
  x.zero_grad();
  backward(scale(x, 7), ones_like(x));
  EXPECT_EQ(x.grad().raw(), memory);
  EXPECT_EQ(values_of(x.grad()), (Values{7, 7}));
}

TEST(Autograd, ZeroGradReachesFrozenLeaves) {
  Tensor x = leaf({1, 1});
  backward(scale(x, 5), ones_like(x));
  x.set_requires_grad(false);
  x.zero_grad();
  x.set_requires_grad(true);
  EXPECT_FALSE(x.grad().defined());
  backward(scale(x, 7), ones_like(x));
  EXPECT_EQ(values_of(x.grad()), (Values{7, 7}));
}

TEST(Autograd, WhoHoldsAGradientKeepsItAfterZeroGrad) {
  const Tensor x = leaf({1, 1});
  backward(scale(x, 5), ones_like(x));
  const Tensor before = x.grad();
  x.zero_grad();
  backward(scale(x, 7), ones_like(x));
  EXPECT_EQ(values_of(before), (Values{5, 5}));
}

TEST(Autograd, AGradientMayBeTheSeed) {
  const Tensor x = Tensor::from(Values{0, 0, 0, 0}, {2, 2}).set_requires_grad(true);
  const auto turn = [&](const Tensor& seed) { backward(permute(x, {1, 0}), seed); };
  turn(Tensor::from(Values{1, 2, 3, 4}, {2, 2}));
  EXPECT_EQ(values_of(x.grad()), (Values{1, 3, 2, 4}));
  turn(x.grad());
  EXPECT_EQ(values_of(x.grad()), (Values{1 + 1, 3 + 2, 2 + 3, 4 + 4}));
  const Tensor seed = x.grad();
  x.zero_grad();
  turn(seed);
  EXPECT_EQ(values_of(x.grad()), (Values{2, 5, 5, 8}));
}

TEST(Autograd, SeesAGradientThatWasAddedToSinceItWasSaved) {
  const Tensor x = leaf({1}), u = leaf({2});
  backward(scale(x, 3));
  const Tensor y = mul(u, x.grad());
  backward(scale(x, 5));
  EXPECT_TRUE(contains(error_of([&] { backward(y); }), "was changed in place"));
}

// Which of two gradients comes first is no matter to those of bfloat16 either.
TEST(Autograd, AddsGradientsOfBfloat16) {
  for (const bool swapped : {false, true}) {
    const Tensor x = Tensor::full({4}, 1).set_requires_grad(true);
    const Tensor y = cast(x, DType::BFloat16);
    const Tensor a = sum(cast(y, DType::Float32)), b = sum(cast(reshape(y, {2, 2}), DType::Float32));
    backward(swapped ? add(b, a) : add(a, b));
    EXPECT_EQ(values_of(x.grad()), (Values{2, 2, 2, 2}));
  }
}

// ---- views ----

TEST(Autograd, FlowsThroughReshapeButNotThroughAView) {
  const Tensor x = random_leaf({2, 3}, 1);
  const Tensor y = reshape(x, {3, 2});
  EXPECT_EQ(y.raw(), x.raw());
  backward(mul(y, y), random_tensor({3, 2}, 2));
  EXPECT_TRUE(close(x.grad(), scale(mul(x.detach(), random_tensor({3, 2}, 2).view({2, 3})), 2), 1e-15));

  const std::pair<const char*, std::function<Tensor()>> ways[] = {
      {"view", [&] { return x.view({6}); }},
      {"rows", [&] { return x.rows(0, 1); }},
      {"clone", [&] { return x.clone(); }},
      {"to", [&] { return x.to(DType::Float32); }}};
  for (const auto& [name, way] : ways) {
    EXPECT_EQ(error_of(way), concat("[", name,
                                    "] no gradient would flow through it to this tensor, of shape (2, 3); "
                                    "reshape() keeps the graph, detach() leaves it"));
    const NoGrad none_is_wanted;
    EXPECT_FALSE(way().requires_grad());
  }
  EXPECT_FALSE(x.detach().requires_grad());
  EXPECT_EQ(x.to(DType::Float64).node(), x.node());  // itself
}

TEST(Autograd, AResultIsNotChangedBeforeItsGradientHasPassed) {
  const Tensor x = leaf({2, 3});
  const Tensor y = scale(x, 2), other = Tensor::from(Values{4, 5}, {2});
  const std::string rest =
      "] the result of scale is part of a graph that waits for its backward; change a "
      "clone() of its detach()";
  EXPECT_EQ(error_of([&] { y.fill(7); }), "[fill" + rest);
  EXPECT_EQ(error_of([&] { y.copy_from(other); }), "[copy_from" + rest);
  EXPECT_EQ(error_of([&] { y.upload(Values{1, 2}.data()); }), "[upload" + rest);
  EXPECT_EQ(values_of(y), (Values{4, 6}));
  backward(y, ones_like(y));
  y.fill(7);
  EXPECT_EQ(values_of(y), (Values{7, 7}));
}

/// An op that somebody wrote, which asks for the gradient of input 1 whether one flows there or not.
struct CarelessNode final : Node {
  const char* name() const override { return "careless"; }
  void backward(const Tensor& dy) override {
    pass(0, dy);
    pass(1, dy);
  }
  void release() override {}
};

TEST(Autograd, AnOwnOpIsToldWhatItDoesWrong) {
  const Tensor x = leaf({2, 3}), constant = Tensor::from(Values{4, 5}, {2});
  const Tensor y = Tensor::zeros({2}, DType::Float64);
  record(y, std::make_shared<CarelessNode>(), {x, constant});
  EXPECT_EQ(error_of([&] { backward(y, ones_like(y)); }),
            "[careless] no gradient flows to its input 1: ask needs(1) before");
  EXPECT_EQ(error_of([&] {
              record(x, std::make_shared<CarelessNode>(), {x, constant});
            }),
            "[careless] its result, of shape (2), is part of a graph already; write it into a new tensor");
  EXPECT_EQ(x.node(), nullptr);
}

TEST(Autograd, AChangeThroughAViewIsSeen) {
  const Tensor x = leaf({2, 3}), factor = Tensor::from(Values{4, 5}, {2});
  const Tensor y = mul(x, reshape(factor, {2}));
  factor.fill(1);
  EXPECT_TRUE(contains(error_of([&] { backward(y, ones_like(x)); }), "was changed in place"));
}

// ---- depth ----

constexpr int kDeep = 100000;

TEST(Autograd, GoesBackThroughAHundredThousandNodes) {
  const Tensor x = leaf({1});
  Tensor y = x;
  for (int i = 0; i < kDeep; ++i) y = scale(y, i % 2 ? 0.5 : 2);
  backward(y);
  EXPECT_EQ(values_of(x.grad()), (Values{1}));
}

TEST(Autograd, DropsAHundredThousandNodesThatWereNeverUsed) {
  const Tensor x = leaf({1});
  const int64_t before = bytes_in_use();
  {
    Tensor chain = x, doubled = x;
    for (int i = 0; i < kDeep; ++i) {
      chain = mul(chain, x);
      doubled = add(doubled, doubled);  // each node is held by two edges of the next
    }
    EXPECT_GT(bytes_in_use(), before);
  }
  EXPECT_EQ(bytes_in_use(), before);
}

// ---- memory ----

TEST(Autograd, FreesSavedTensorsInBackwardWhileTheResultLives) {
  const Tensor x = random_leaf({64, 64}, 1);
  const int64_t before = bytes_in_use();
  Tensor y = x;
  for (int i = 0; i < 10; ++i) y = tanh(matmul(y, x));
  const Tensor loss = mean(y);
  y = {};
  const int64_t matrix = 64 * 64 * 8;
  EXPECT_GE(bytes_in_use() - before, 10 * matrix);
  backward(loss);
  // What is left: the loss and the gradient of x.
  EXPECT_LT(bytes_in_use() - before, 2 * matrix);
  EXPECT_TRUE(loss.defined());
}

TEST(Autograd, FreesIntermediateGradientsAsItGoes) {
  const Tensor x = random_leaf({128, 128}, 1);
  Tensor y = x;
  for (int i = 0; i < 20; ++i) y = scale(y, 1.5);  // saves nothing
  const Tensor seed = ones_like(x);
  CachingAllocator& allocator = kernels({}).allocator();
  allocator.trim();
  const CachingAllocator::Stats before = allocator.stats();
  backward(y, seed);
  // The gradient of x and two of the twenty in between.
  EXPECT_LE(allocator.stats().system_allocations - before.system_allocations, 3);
}

// A node whose own backward throws leaves a graph that says so when it is used again.
TEST(Autograd, SaysSoAfterABackwardThatFailed) {
  const Tensor x = leaf({2, 3}), factor = Tensor::from(Values{4, 5}, {2});
  const Tensor y = mul(x, factor), z = scale(y, 2);
  factor.fill(1);
  EXPECT_TRUE(contains(error_of([&] { backward(z, ones_like(z)); }), "was changed in place"));
  EXPECT_TRUE(contains(error_of([&] { backward(z, ones_like(z)); }), "this graph was used already"));
}

}  // namespace
}  // namespace duel
