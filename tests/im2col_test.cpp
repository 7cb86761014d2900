// The im2col matrix: against one written by hand, and, multiplied by the weight, against a direct
// convolution.
#include "ops/cpu/im2col.h"

#include <gtest/gtest.h>

#include <numeric>
#include <sstream>

#include "tests/direct_convolution.h"
#include "tests/tensors.h"

namespace duel {
namespace {

std::vector<double> columns_of(const Conv2dShape& s, const std::vector<double>& x) {
  // What is not written stays visible.
  std::vector<double> columns(static_cast<size_t>(s.gemm_m() * s.gemm_k()), -99);
  cpu::im2col(s, x.data(), columns.data());
  return columns;
}

/// One row of the matrix a line.
std::string print(const Conv2dShape& s, const std::vector<double>& columns) {
  std::ostringstream out;
  for (int64_t row = 0; row < s.gemm_m(); ++row) {
    for (int64_t column = 0; column < s.gemm_k(); ++column)
      out << (column ? " " : "") << columns[static_cast<size_t>(row * s.gemm_k() + column)];
    out << "\n";
  }
  return out.str();
}

std::vector<double> counted(int64_t n) {
  std::vector<double> values(static_cast<size_t>(n));
  std::iota(values.begin(), values.end(), 1);
  return values;
}

TEST(Im2col, LaysReceptiveFieldsOutAsRows) {
  // 1 2 3
  // 4 5 6
  // 7 8 9
  const Conv2dShape s{.n = 1, .ih = 3, .iw = 3, .ic = 1, .oh = 2, .ow = 2, .oc = 1, .kh = 2, .kw = 2};
  EXPECT_EQ(print(s, columns_of(s, counted(9))),
            "1 2 4 5\n"
            "2 3 5 6\n"
            "4 5 7 8\n"
            "5 6 8 9\n");
}

TEST(Im2col, PutsZerosWhereAFieldReachesOverTheBorder) {
  // Two channels: the pixels (1 2) (3 4) above (5 6) (7 8); 3 x 3 taps, each a run of two channels.
  const Conv2dShape s{.n = 1,
                      .ih = 2,
                      .iw = 2,
                      .ic = 2,
                      .oh = 2,
                      .ow = 1,
                      .oc = 1,
                      .kh = 3,
                      .kw = 3,
                      .stride_h = 1,
                      .stride_w = 2,
                      .pad_h = 1,
                      .pad_w = 1};
  EXPECT_EQ(print(s, columns_of(s, counted(8))),
            "0 0 0 0 0 0 0 0 1 2 3 4 0 0 5 6 7 8\n"
            "0 0 1 2 3 4 0 0 5 6 7 8 0 0 0 0 0 0\n");
}

TEST(Im2col, TimesTheWeightIsTheDirectConvolution) {
  int64_t shapes = 0;
  for_each_convolution([&](const Conv2dShape& s) {
    SCOPED_TRACE(name_of(s));
    const std::vector<double> x = values_of(random_tensor({s.n, s.ih, s.iw, s.ic}, 1));
    const std::vector<double> weight = values_of(random_tensor({s.oc, s.kh, s.kw, s.ic}, 2));
    const std::vector<double> columns = columns_of(s, x);
    std::vector<double> product(static_cast<size_t>(s.gemm_m() * s.gemm_n()));
    for (int64_t m = 0; m < s.gemm_m(); ++m)
      for (int64_t n = 0; n < s.gemm_n(); ++n)
        for (int64_t k = 0; k < s.gemm_k(); ++k)
          product[static_cast<size_t>(m * s.gemm_n() + n)] +=
              columns[static_cast<size_t>(m * s.gemm_k() + k)] *
              weight[static_cast<size_t>(n * s.gemm_k() + k)];
    const std::vector<double> expected = direct_convolution(s, x, weight);
    for (size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(product[i], expected[i], 1e-12) << i;
    ++shapes;
  });
  EXPECT_GT(shapes, 300);
}

// <im2col(x), c> = <x, col2im(c)> for every x and c.
TEST(Im2col, Col2imIsItsTranspose) {
  for_each_convolution([&](const Conv2dShape& s) {
    SCOPED_TRACE(name_of(s));
    const std::vector<double> x = values_of(random_tensor({s.n, s.ih, s.iw, s.ic}, 1));
    const std::vector<double> c = values_of(random_tensor({s.gemm_m(), s.gemm_k()}, 2));
    const std::vector<double> columns = columns_of(s, x);
    std::vector<double> back(x.size());
    cpu::col2im(s, c.data(), back.data());
    ASSERT_NEAR(std::inner_product(columns.begin(), columns.end(), c.begin(), 0.0),
                std::inner_product(x.begin(), x.end(), back.begin(), 0.0), 1e-10);
  });
}

TEST(Im2col, Col2imAddsToWhatIsThere) {
  const Conv2dShape s{.n = 1, .ih = 1, .iw = 3, .ic = 1, .oh = 1, .ow = 2, .oc = 1, .kh = 1, .kw = 2};
  const std::vector<double> columns{1, 2, 4, 8};
  std::vector<double> x{100, 200, 300};
  cpu::col2im(s, columns.data(), x.data());
  EXPECT_EQ(x, (std::vector<double>{101, 206, 308}));
}

}  // namespace
}  // namespace duel
