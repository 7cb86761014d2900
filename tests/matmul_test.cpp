// Products against three loops, at sizes around the blocks that fast products work in, and of nothing.
#include "ops/matmul.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lib/kernels.h"
#include "tests/tensors.h"
#include "tests/with_conv_algorithm.h"

namespace duel {
namespace {

struct Size {
  int64_t m, n, k;
};

constexpr Size kSizes[] = {{1, 1, 1},   {1, 7, 300}, {5, 1, 17},  {16, 16, 16}, {17, 33, 5},
                           {31, 2, 64}, {6, 48, 9},  {13, 65, 1}, {64, 64, 257}};

/// Element (row, column) of a matrix that is stored transposed or not.
double element(const std::vector<double>& a, const Shape& shape, bool transposed, int64_t row,
               int64_t column) {
  return a[static_cast<size_t>(transposed ? column * shape[1] + row : row * shape[1] + column)];
}

void expect_product(const Size& size, bool ta, bool tb, DType dtype, double tolerance) {
  const Tensor a = random_tensor(ta ? Shape{size.k, size.m} : Shape{size.m, size.k}, 1, dtype);
  const Tensor b = random_tensor(tb ? Shape{size.n, size.k} : Shape{size.k, size.n}, 2, dtype);
  const Tensor before = random_tensor({size.m, size.n}, 3, dtype), set = before.clone(),
               added = before.clone();
  kernels({}).gemm(ta, tb, a, b, set, Write::Set);
  kernels({}).gemm(ta, tb, a, b, added, Write::Add);
  const std::vector<double> x = values_of(a), y = values_of(b), there = values_of(before);
  for (int64_t m = 0; m < size.m; ++m) {
    for (int64_t n = 0; n < size.n; ++n) {
      double sum = 0, magnitude = 0;
      for (int64_t k = 0; k < size.k; ++k) {
        const double term = element(x, a.shape(), ta, m, k) * element(y, b.shape(), tb, k, n);
        sum += term;
        magnitude += std::fabs(term);
      }
      const auto i = static_cast<size_t>(m * size.n + n);
      ASSERT_NEAR(values_of(set.rows(m, 1))[static_cast<size_t>(n)], sum, tolerance * magnitude);
      ASSERT_NEAR(values_of(added.rows(m, 1))[static_cast<size_t>(n)], there[i] + sum,
                  tolerance * (magnitude + std::fabs(there[i])));
    }
  }
}

TEST(Gemm, IsTheProductOfThreeLoops) {
  for (const Size& size : kSizes) {
    for (const bool ta : {false, true}) {
      for (const bool tb : {false, true}) {
        SCOPED_TRACE(concat(size.m, " x ", size.n, " x ", size.k, ta ? ", a transposed" : "",
                            tb ? ", b transposed" : ""));
        expect_product(size, ta, tb, DType::Float64, 1e-14);
        for (const ConvAlgorithm algorithm : {ConvAlgorithm::Im2col, ConvAlgorithm::Implicit}) {
          const WithConvAlgorithm scope(algorithm);
          expect_product(size, ta, tb, DType::Float32, 2e-6);
        }
      }
    }
  }
}

TEST(Matmul, OfNothingIsZeroOrEmpty) {
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    for (const ConvAlgorithm algorithm : {ConvAlgorithm::Im2col, ConvAlgorithm::Implicit}) {
      const WithConvAlgorithm scope(algorithm);
      const Tensor a = Tensor::empty({2, 0}, dtype), b = Tensor::empty({0, 3}, dtype);
      const Tensor y = Tensor::full({2, 3}, 7, dtype);
      kernels({}).gemm(false, false, a, b, y, Write::Add);
      EXPECT_TRUE(same(y, Tensor::full({2, 3}, 7, dtype)));
      kernels({}).gemm(false, false, a, b, y, Write::Set);
      EXPECT_TRUE(same(y, Tensor::zeros({2, 3}, dtype)));
      EXPECT_EQ(matmul(Tensor::empty({0, 2}, dtype), random_tensor({2, 3}, 1, dtype)).shape(), (Shape{0, 3}));
      EXPECT_EQ(linear(random_tensor({4, 2}, 1, dtype), Tensor::empty({0, 2}, dtype)).shape(), (Shape{4, 0}));
    }
  }
}

}  // namespace
}  // namespace duel
