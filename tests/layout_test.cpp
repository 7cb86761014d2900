#include "ops/layout.h"

#include <gtest/gtest.h>

#include <numeric>

#include "lib/autograd.h"
#include "ops/activations.h"
#include "ops/arithmetic.h"
#include "ops/reductions.h"
#include "tests/tensors.h"

namespace duel {
namespace {

using Values = std::vector<double>;

Tensor counted(const Shape& shape) {
  Values values(static_cast<size_t>(shape.numel()));
  std::iota(values.begin(), values.end(), 0);
  return Tensor::from(values, shape);
}

TEST(Permute, MovesEveryElementToItsPlace) {
  const Tensor x = counted({2, 3, 2, 2, 3, 2});
  const std::vector<int> dims{4, 0, 5, 2, 1, 3};
  const Tensor y = permute(x, dims);
  ASSERT_EQ(y.shape(), (Shape{3, 2, 2, 2, 3, 2}));
  std::array<int64_t, 6> at{};  // the index in y
  for (int64_t i = 0; i < y.numel(); ++i) {
    int64_t rest = i;
    for (int d = 5; d >= 0; --d) {
      at[static_cast<size_t>(d)] = rest % y.dim(d);
      rest /= y.dim(d);
    }
    int64_t source = 0;
    for (int d = 0; d < 6; ++d) {
      const auto place = std::find(dims.begin(), dims.end(), d) - dims.begin();
      source = source * x.dim(d) + at[static_cast<size_t>(place)];
    }
    ASSERT_EQ(y.data<double>()[i], static_cast<double>(source)) << i;
  }
}

TEST(Permute, ThereAndBackIsNothing) {
  const Tensor x = random_tensor({2, 5, 4, 3}, 1);
  EXPECT_TRUE(same(permute(permute(x, {0, 3, 1, 2}), {0, 2, 3, 1}), x));
}

// In float32, too, whose pictures are turned by a kernel of their own.
TEST(Permute, AddsToAGradientThatIsThere) {
  const Tensor x = random_leaf({2, 3, 4, 5}, 1, DType::Float32);
  const Tensor seed = random_tensor({2, 5, 3, 4}, 2, DType::Float32);
  backward(add(permute(x, {0, 3, 1, 2}), permute(x, {0, 3, 1, 2})), seed);
  EXPECT_TRUE(same(x.grad(), scale(permute(seed, {0, 2, 3, 1}), 2)));
}

TEST(Concatenate, ThenSliceGivesTheParts) {
  for (int dim = 0; dim < 3; ++dim) {
    SCOPED_TRACE(dim);
    std::vector<Tensor> parts;
    for (const int64_t length : {2, 1, 0, 4}) {
      Shape shape{3, 5, 2};
      shape[dim] = length;
      parts.push_back(random_tensor(shape, static_cast<uint64_t>(length)));
    }
    const Tensor whole = concatenate(parts, dim);
    EXPECT_EQ(whole.dim(dim), 7);
    int64_t start = 0;
    for (const Tensor& part : parts) {
      EXPECT_TRUE(same(slice(whole, dim, start, part.dim(dim)), part));
      start += part.dim(dim);
    }
  }
}

TEST(Concatenate, TakesOneTensorTwice) {
  const Tensor x = Tensor::from(Values{1, 2}, {2}).set_requires_grad(true);
  const Tensor y = concatenate({x, x}, 0);
  EXPECT_EQ(values_of(y), (Values{1, 2, 1, 2}));
  backward(y, Tensor::from(Values{1, 10, 100, 1000}, {4}));
  EXPECT_EQ(values_of(x.grad()), (Values{101, 1010}));
}

TEST(Slice, OverlappingSlicesAddUp) {
  const Tensor x = counted({4}).set_requires_grad(true);
  backward(sum(concatenate({slice(x, 0, 0, 3), slice(x, 0, 1, 2)}, 0)));
  EXPECT_EQ(values_of(x.grad()), (Values{1, 2, 2, 0}));
}

TEST(Slice, OfNothingHasAZeroGradient) {
  const Tensor x = counted({2, 2}).set_requires_grad(true);
  const Tensor y = slice(x, 1, 2, 0);
  EXPECT_EQ(y.shape(), (Shape{2, 0}));
  backward(sum(y));
  EXPECT_EQ(values_of(x.grad()), (Values{0, 0, 0, 0}));
}

}  // namespace
}  // namespace duel
