// The three kernels of convolution against the seven loops of its definition, and the geometry of the ops.
#include "ops/conv2d.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/arithmetic.h"
#include "ops/reductions.h"
#include "tests/direct_convolution.h"
#include "tests/tensors.h"
#include "tests/with_conv_algorithm.h"

namespace duel {
namespace {

struct Config {
  const char* name;
  DType dtype;
  ConvAlgorithm algorithm;
  double tolerance;  // relative to the magnitude of what is added up
};

void PrintTo(const Config& config, std::ostream* out) { *out << config.name; }

/// The arrays of one convolution, any of which may be a kernel's output.
struct Arrays {
  Tensor x, weight, y;

  Arrays(const Conv2dShape& s, DType dtype)
      : x(random_tensor({s.n, s.ih, s.iw, s.ic}, 1, dtype)),
        weight(random_tensor({s.oc, s.kh, s.kw, s.ic}, 2, dtype)),
        y(random_tensor({s.n, s.oh, s.ow, s.oc}, 3, dtype)) {}
};

/// A result's exact elements, and the sums of their terms' magnitudes, which rounding errors go by.
struct Expected {
  std::vector<double> sum, magnitude;

  explicit Expected(size_t size) : sum(size), magnitude(size) {}
  void add(size_t i, double term) {
    sum[i] += term;
    magnitude[i] += std::fabs(term);
  }
};

using Kernel = void (Kernels::*)(const Conv2dShape&, const Tensor&, const Tensor&, const Tensor&, Write);

/// Runs `kernel` into a copy of `output`, overwriting it and adding to it.
void expect_kernel(Kernel kernel, const Conv2dShape& s, const Tensor& a, const Tensor& b,
                   const Tensor& output, const Expected& expected, double tolerance) {
  const std::vector<double> before = values_of(output);
  for (const Write write : {Write::Set, Write::Add}) {
    const Tensor result = output.clone();
    (kernels({}).*kernel)(s, a, b, result, write);
    const std::vector<double> values = values_of(result);
    for (size_t i = 0; i < values.size(); ++i) {
      const double there = write == Write::Add ? before[i] : 0;
      ASSERT_NEAR(values[i], there + expected.sum[i], tolerance * (std::fabs(there) + expected.magnitude[i]))
          << "element " << i << (write == Write::Add ? ", added" : ", set");
    }
  }
}

void expect_direct(const Conv2dShape& s, const Config& config) {
  SCOPED_TRACE(name_of(s));
  const Arrays arrays(s, config.dtype);
  const std::vector<double> x = values_of(arrays.x), weight = values_of(arrays.weight),
                            y = values_of(arrays.y);
  Expected fprop(y.size()), dgrad(x.size()), wgrad(weight.size());
  for_each_product(s, [&](size_t i, size_t j, size_t k) {
    fprop.add(k, x[i] * weight[j]);
    dgrad.add(i, y[k] * weight[j]);
    wgrad.add(j, x[i] * y[k]);
  });
  expect_kernel(&Kernels::conv2d_fprop, s, arrays.x, arrays.weight, arrays.y, fprop, config.tolerance);
  expect_kernel(&Kernels::conv2d_dgrad, s, arrays.y, arrays.weight, arrays.x, dgrad, config.tolerance);
  expect_kernel(&Kernels::conv2d_wgrad, s, arrays.x, arrays.y, arrays.weight, wgrad, config.tolerance);
}

class Conv2dKernels : public testing::TestWithParam<Config> {};

TEST_P(Conv2dKernels, AreTheDirectConvolution) {
  const WithConvAlgorithm scope(GetParam().algorithm);
  for_each_convolution([&](const Conv2dShape& s) { expect_direct(s, GetParam()); });
}

INSTANTIATE_TEST_SUITE_P(
    Types, Conv2dKernels,
    testing::Values(Config{"float64", DType::Float64, ConvAlgorithm::Im2col, 1e-15},
                    Config{"float32_im2col", DType::Float32, ConvAlgorithm::Im2col, 1e-6},
                    Config{"float32_implicit", DType::Float32, ConvAlgorithm::Implicit, 1e-6},
                    Config{"float32_filtered", DType::Float32, ConvAlgorithm::Filtered, 1e-6}),
    [](const auto& config) { return config.param.name; });

// Of a picture of this shape the im2col matrix has 26 MB: it is made for two pictures, then for the third.
TEST(Conv2d, TakesLargeBatchesInParts) {
  const Conv2dShape s{.n = 3, .ih = 70, .iw = 70, .ic = 16, .oh = 64, .ow = 64, .oc = 1, .kh = 7, .kw = 7};
  expect_direct(s, {"float64", DType::Float64, ConvAlgorithm::Im2col, 1e-14});
}

TEST(Conv2d, OfNoPicturesIsEmptyAndHasNoWeightGradient) {
  const Tensor x = Tensor::empty({0, 4, 4, 2}, DType::Float64), weight = random_tensor({3, 3, 3, 2}, 1);
  EXPECT_EQ(conv2d(x, weight).shape(), (Shape{0, 2, 2, 3}));
  const Tensor dw = random_tensor(weight.shape(), 2);
  kernels({}).conv2d_wgrad(conv2d_shape(x.shape(), weight.shape(), {1, 1}, {0, 0}), x,
                           Tensor::empty({0, 2, 2, 3}, DType::Float64), dw, Write::Set);
  EXPECT_TRUE(same(dw, Tensor::zeros(weight.shape(), DType::Float64)));
}

// <conv2d(x, w), y> = <x, conv_transpose2d(y, w)>: the two are each other's transposes.
TEST(Conv2d, AndItsTransposeAreAdjoint) {
  const Tensor x = random_tensor({2, 7, 5, 3}, 1), weight = random_tensor({4, 3, 4, 3}, 2);
  const Tensor image = conv2d(x, weight, {}, {2, 1}, {1, 2});
  const Tensor y = random_tensor(image.shape(), 3);
  const Tensor back = conv_transpose2d(y, weight, {}, {2, 1}, {1, 2});
  ASSERT_EQ(back.shape(), x.shape());
  EXPECT_NEAR(sum(mul(image, y)).item(), sum(mul(x, back)).item(), 1e-11);
}

TEST(Conv2d, ShapesFollowPyTorchsFormulas) {
  const auto output = [](const Shape& x, const Shape& weight, Pair stride, Pair padding) {
    const Conv2dShape s = conv2d_shape(x, weight, stride, padding);
    return Shape{s.n, s.oh, s.ow, s.oc};
  };
  EXPECT_EQ(output({256, 32, 32, 3}, {64, 4, 4, 3}, {2, 2}, {1, 1}), (Shape{256, 16, 16, 64}));
  EXPECT_EQ(output({1, 9, 7, 2}, {5, 3, 2, 2}, {2, 3}, {0, 1}), (Shape{1, 4, 3, 5}));
  EXPECT_EQ(output({1, 4, 4, 1}, {1, 4, 4, 1}, {1, 1}, {0, 0}), (Shape{1, 1, 1, 1}));

  const auto transposed = [](const Shape& x, const Shape& weight, Pair stride, Pair padding, Pair extra) {
    const Conv2dShape s = conv_transpose2d_shape(x, weight, stride, padding, extra);
    return Shape{s.n, s.ih, s.iw, s.ic};
  };
  EXPECT_EQ(transposed({256, 2, 2, 512}, {512, 4, 4, 256}, {2, 2}, {1, 1}, {0, 0}), (Shape{256, 4, 4, 256}));
  EXPECT_EQ(transposed({1, 3, 5, 2}, {2, 3, 4, 7}, {2, 3}, {1, 0}, {1, 2}), (Shape{1, 6, 18, 7}));
}

TEST(Conv2d, CountsItsMultiplyAdds) {
  // The first layer of the recipe's discriminator: 16 x 16 pixels, 64 channels, 4 x 4 x 3 taps.
  const Conv2dShape s = conv2d_shape({2, 32, 32, 3}, {64, 4, 4, 3}, {2, 2}, {1, 1});
  EXPECT_EQ(s.multiply_adds(), 2 * 16 * 16 * 64 * 48);
}

}  // namespace
}  // namespace duel
