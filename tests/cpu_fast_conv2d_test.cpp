// The implicit and the filtered convolutions against a direct one in double precision, with every instruction
// set of this machine.
#include <gtest/gtest.h>
#include <omp.h>

#include <bit>
#include <cmath>
#include <vector>

#include "lib/error.h"
#include "lib/kernels.h"
#include "ops/cpu/conv2d_filtered.h"
#include "ops/cpu/conv2d_implicit.h"
#include "ops/cpu/cpu_features.h"
#include "tests/direct_convolution.h"
#include "tests/random_floats.h"

namespace duel::cpu {
namespace {

using Activation = Epilogue::Activation;

int64_t x_size(const Conv2dShape& s) { return s.n * s.ih * s.iw * s.ic; }
int64_t weight_size(const Conv2dShape& s) { return s.oc * s.gemm_k(); }
int64_t y_size(const Conv2dShape& s) { return s.gemm_m() * s.oc; }

enum class Kernel { Fprop, Dgrad, Wgrad };

bool filtering_fits(const Conv2dShape& s, Kernel kernel) {
  return kernel == Kernel::Fprop   ? filtered_fprop_fits(s)
         : kernel == Kernel::Dgrad ? filtered_dgrad_fits(s)
                                   : filtered_wgrad_fits(s);
}

/// The two inputs of a kernel and the sizes of its result.
struct Problem {
  Conv2dShape shape;
  Kernel kernel;
  bool filtered = false;
  std::vector<float> a, b;
  int64_t size, channels;

  Problem(const Conv2dShape& s, Kernel k) : shape(s), kernel(k) {
    const int64_t sizes[3] = {x_size(s), weight_size(s), y_size(s)};
    const int64_t first = k == Kernel::Dgrad ? 2 : 0, second = k == Kernel::Wgrad ? 2 : 1;
    a = random_floats(sizes[first], 1);
    b = random_floats(sizes[second], 2);
    size = sizes[3 - first - second];
    channels = k == Kernel::Fprop ? s.oc : s.ic;
  }

  void run(const Epilogue& epilogue, Write write, std::vector<float>& result) const {
    const auto fprop = filtered ? conv2d_fprop_filtered : conv2d_fprop_implicit;
    const auto dgrad = filtered ? conv2d_dgrad_filtered : conv2d_dgrad_implicit;
    const auto wgrad = filtered ? conv2d_wgrad_filtered : conv2d_wgrad_implicit;
    if (kernel == Kernel::Fprop) fprop(shape, a.data(), b.data(), epilogue, result.data(), write);
    if (kernel == Kernel::Dgrad) dgrad(shape, a.data(), b.data(), epilogue, result.data(), write);
    if (kernel == Kernel::Wgrad) wgrad(shape, a.data(), b.data(), result.data(), write);
  }

  /// The exact sums and the sums of their terms' sizes, which rounding errors are measured by.
  struct Direct {
    std::vector<double> sum, scale;
  };
  Direct direct() const {
    Direct result{std::vector<double>(static_cast<size_t>(size)),
                  std::vector<double>(static_cast<size_t>(size))};
    // All channels of a tap, without calls, as tests may be compiled without optimisation.
    const auto add = [&](int64_t first, int step, const float* p, int p_step, const float* q, int q_step) {
      double *sum = result.sum.data() + first, *scale = result.scale.data() + first;
      for (int64_t channel = 0; channel < shape.ic; ++channel) {
        const double product = static_cast<double>(*p) * static_cast<double>(*q);
        *sum += product;
        *scale += product < 0 ? -product : product;
        sum += step, scale += step, p += p_step, q += q_step;
      }
    };
    for_each_tap(shape, [&](int64_t x, int64_t w, int64_t y) {
      if (kernel == Kernel::Fprop) add(y, 0, a.data() + x, 1, b.data() + w, 1);
      if (kernel == Kernel::Dgrad) add(x, 1, a.data() + y, 0, b.data() + w, 1);
      if (kernel == Kernel::Wgrad) add(w, 1, a.data() + x, 1, b.data() + y, 0);
    });
    return result;
  }
};

double reference_activation(const Epilogue& epilogue, double x) {
  switch (epilogue.activation) {
    case Activation::Relu:
      return x > 0 ? x : 0;
    case Activation::LeakyRelu:
      return x > 0 ? x : x * static_cast<double>(epilogue.negative_slope);
    case Activation::Tanh:
      return std::tanh(x);
    case Activation::None:
      break;
  }
  return x;
}

void expect_direct(const Problem& problem, const Problem::Direct& direct, const Epilogue& epilogue,
                   Write write) {
  const std::vector<float> before = random_floats(problem.size, 3);
  std::vector<float> result = before;
  problem.run(epilogue, write, result);
  for (size_t i = 0; i < result.size(); ++i) {
    double expected = direct.sum[i];
    if (write == Write::Add) expected += static_cast<double>(before[i]);
    if (epilogue.bias != nullptr)
      expected += static_cast<double>(epilogue.bias[static_cast<int64_t>(i) % problem.channels]);
    expected = reference_activation(epilogue, expected);
    ASSERT_NEAR(static_cast<double>(result[i]), expected, 1e-6 * (direct.scale[i] + 2)) << "element " << i;
  }
}

/// One axis of a convolution; `extra` are input pixels past the last patch, which no output sees.
struct Axis {
  int64_t input, kernel, stride, pad;
  int64_t output() const { return (input + 2 * pad - kernel) / stride + 1; }
};

Conv2dShape make_shape(int64_t n, int64_t ic, int64_t oc, const Axis& y, const Axis& x) {
  return {.n = n,
          .ih = y.input,
          .iw = x.input,
          .ic = ic,
          .oh = y.output(),
          .ow = x.output(),
          .oc = oc,
          .kh = y.kernel,
          .kw = x.kernel,
          .stride_h = y.stride,
          .stride_w = x.stride,
          .pad_h = y.pad,
          .pad_w = x.pad};
}

std::vector<Conv2dShape> shapes() {
  std::vector<Conv2dShape> result;
  const Axis axes[] = {{1, 1, 1, 0}, {5, 1, 2, 0}, {6, 2, 3, 1}, {7, 3, 1, 1},  {8, 4, 2, 1}, {9, 4, 2, 1},
                       {9, 5, 1, 2}, {8, 5, 3, 2}, {7, 7, 1, 3}, {11, 7, 2, 3}, {10, 3, 3, 0}};
  const int64_t channels[][2] = {{1, 1}, {3, 5}, {3, 16}, {16, 3}, {17, 33}, {32, 19}};
  for (const Axis& y : axes)
    for (const auto& c : channels) {
      const int64_t i = static_cast<int64_t>(result.size());
      result.push_back(make_shape(1 + i % 3, c[0], c[1], y, axes[(i + 1) % std::ssize(axes)]));
    }
  // The layers of the recipes, in pictures enough for several blocks of rows, depth and columns.
  const Axis halves{8, 4, 2, 1};
  result.push_back(make_shape(20, 64, 40, halves, halves));
  result.push_back(make_shape(5, 3, 64, {32, 4, 2, 1}, {32, 4, 2, 1}));
  result.push_back(make_shape(3, 70, 150, {4, 4, 2, 1}, {4, 4, 2, 1}));
  result.push_back(make_shape(2, 40, 3, {12, 7, 1, 3}, {12, 7, 1, 3}));
  result.push_back(make_shape(70, 6, 7, {10, 3, 1, 1}, {10, 3, 1, 1}));
  // More phases than are multiplied at once, and more channels than the weight gradient reads in place.
  result.push_back(make_shape(2, 32, 6, {8, 4, 4, 0}, {8, 4, 4, 0}));
  result.push_back(make_shape(1, 640, 9, {3, 3, 1, 1}, {3, 3, 1, 1}));
  return result;
}

/// Shapes for minimal filtering, most of them for all three kernels: both strides, paddings from 0 to 2,
/// panels and tiles that are not full, several blocks of the depth, several chunks of the weight gradient.
std::vector<Conv2dShape> filtered_shapes() {
  const Axis halves{8, 4, 2, 1}, longer{12, 4, 2, 1}, same{5, 2, 1, 0}, wider{3, 2, 1, 1}, odd{8, 4, 2, 0},
      padded{6, 4, 2, 2}, narrower{4, 2, 1, 0}, two{4, 4, 2, 1};
  return {make_shape(3, 64, 40, halves, halves),   make_shape(2, 33, 70, halves, longer),
          make_shape(2, 32, 45, same, wider),      make_shape(1, 40, 32, halves, same),
          make_shape(3, 35, 37, wider, padded),    make_shape(2, 48, 33, odd, halves),
          make_shape(2, 34, 50, narrower, halves), make_shape(9, 300, 96, two, two),
          make_shape(2, 70, 290, two, two),        make_shape(70, 32, 48, {16, 4, 2, 1}, halves)};
}

struct Algorithm {
  Isa isa;
  bool filtered = false, bf16 = false;
};

/// Numbers that bfloat16 holds exactly, so that products with bfloat16 factors are those of the numbers.
void round_to_bf16(std::vector<float>& values) {
  for (float& value : values) value = std::bit_cast<float>(std::bit_cast<uint32_t>(value) & 0xFFFF0000u);
}

/// Numbers whose sums of four bfloat16 holds exactly as well: with these minimal filtering rounds nothing.
void round_to_sixteenths(std::vector<float>& values) {
  for (float& value : values) value = std::round(value * 16) / 16;
}

class CpuFastConv2d : public testing::TestWithParam<Algorithm> {
 protected:
  void SetUp() override {
    before_ = active_isa();
    if (!isa_supported(GetParam().isa)) GTEST_SKIP() << "this machine has no " << isa_name(GetParam().isa);
    force_isa(GetParam().isa);
    if (GetParam().bf16 && !bf16_supported()) GTEST_SKIP() << "this machine has no AVX512-BF16";
    set_bf16(GetParam().bf16);
  }
  void TearDown() override {
    set_bf16(false);
    force_isa(before_);
  }

  /// The problems of a kernel that the algorithm takes.
  std::vector<Problem> problems(Kernel kernel) const {
    std::vector<Problem> result;
    for (const Conv2dShape& shape : GetParam().filtered ? filtered_shapes() : shapes()) {
      if (GetParam().filtered && !filtering_fits(shape, kernel)) continue;
      Problem& problem = result.emplace_back(shape, kernel);
      problem.filtered = GetParam().filtered;
      if (!GetParam().bf16) continue;
      const auto round = GetParam().filtered ? round_to_sixteenths : round_to_bf16;
      round(problem.a);
      round(problem.b);
    }
    return result;
  }

  void expect_direct_everywhere(Kernel kernel) {
    for (const Problem& problem : problems(kernel)) {
      SCOPED_TRACE(name_of(problem.shape));
      const Problem::Direct direct = problem.direct();
      expect_direct(problem, direct, {}, Write::Set);
      expect_direct(problem, direct, {}, Write::Add);
      if (HasFatalFailure()) return;
    }
  }

  void expect_epilogues(Kernel kernel) {
    for (const Problem& problem : problems(kernel)) {
      SCOPED_TRACE(name_of(problem.shape));
      const Problem::Direct direct = problem.direct();
      const std::vector<float> bias = random_floats(problem.channels, 4);
      expect_direct(problem, direct, {.bias = bias.data()}, Write::Add);
      for (const Activation activation : {Activation::Relu, Activation::LeakyRelu, Activation::Tanh}) {
        expect_direct(problem, direct, {.activation = activation, .negative_slope = 0.2f}, Write::Set);
        expect_direct(problem, direct,
                      {.bias = bias.data(), .activation = activation, .negative_slope = 0.2f}, Write::Set);
      }
      if (HasFatalFailure()) return;
    }
  }

 private:
  Isa before_;
};

TEST_P(CpuFastConv2d, FpropIsTheDirectConvolution) { expect_direct_everywhere(Kernel::Fprop); }
TEST_P(CpuFastConv2d, DgradIsTheDirectGradient) { expect_direct_everywhere(Kernel::Dgrad); }
TEST_P(CpuFastConv2d, WgradIsTheDirectGradient) { expect_direct_everywhere(Kernel::Wgrad); }
TEST_P(CpuFastConv2d, FpropAppliesTheEpilogue) { expect_epilogues(Kernel::Fprop); }
TEST_P(CpuFastConv2d, DgradAppliesTheEpilogue) { expect_epilogues(Kernel::Dgrad); }

TEST_P(CpuFastConv2d, TheSameBitsWithAnyNumberOfThreads) {
  const int before = omp_get_max_threads();
  for (const Kernel kernel : {Kernel::Fprop, Kernel::Dgrad, Kernel::Wgrad})
    for (const Problem& problem : problems(kernel)) {
      SCOPED_TRACE(name_of(problem.shape));
      std::vector<float> one(static_cast<size_t>(problem.size)), many = one;
      omp_set_num_threads(1);
      problem.run({}, Write::Set, one);
      for (const int threads : {2, 3}) {
        omp_set_num_threads(threads);
        problem.run({}, Write::Set, many);
        EXPECT_EQ(one, many) << threads << " threads";
      }
      omp_set_num_threads(before);
    }
}

/// Root of the mean squared error, in units of the rounding of one number of the size of the result.
double relative_error(const Problem& problem, const std::vector<double>& sum) {
  std::vector<float> result(sum.size());
  problem.run({}, Write::Set, result);
  double error = 0, size = 0;
  for (size_t i = 0; i < sum.size(); ++i) {
    error += std::pow(static_cast<double>(result[i]) - sum[i], 2);
    size += sum[i] * sum[i];
  }
  return std::sqrt(error / size) / 6e-8;
}

/// What makes minimal filtering harmless: on layers as the recipe has them its errors are a few times those
/// of the plain sums, where another order of summation alone makes as much of a difference.
TEST(CpuFilteredConv2d, ErrorsAreAFewRoundings) {
  for (const Kernel kernel : {Kernel::Fprop, Kernel::Dgrad, Kernel::Wgrad})
    for (const Conv2dShape& shape : {make_shape(4, 64, 128, {16, 4, 2, 1}, {16, 4, 2, 1}),
                                     make_shape(4, 128, 256, {8, 4, 2, 1}, {8, 4, 2, 1})}) {
      SCOPED_TRACE(name_of(shape));
      Problem problem(shape, kernel);
      const std::vector<double> sum = problem.direct().sum;
      const double plain = relative_error(problem, sum);
      problem.filtered = true;
      const double filtered = relative_error(problem, sum);
      EXPECT_LT(filtered, 4 * plain);
      EXPECT_LT(filtered, 16);
      RecordProperty(concat("errors_", static_cast<int>(kernel), "_", shape.ic),
                     concat(plain, " ", filtered));
    }
}

/// With bfloat16 factors it is the filtered pixels and weights, sums of up to four, that are rounded.
TEST(CpuFilteredConv2d, RoundsBfloat16FactorsAFewTimesAsMuch) {
  if (!bf16_supported()) GTEST_SKIP() << "this machine has no AVX512-BF16";
  const Isa before = active_isa();
  force_isa(Isa::Avx512);
  set_bf16(true);
  for (const Kernel kernel : {Kernel::Fprop, Kernel::Dgrad, Kernel::Wgrad}) {
    Problem problem(make_shape(4, 64, 128, {16, 4, 2, 1}, {16, 4, 2, 1}), kernel);
    SCOPED_TRACE(name_of(problem.shape));
    const std::vector<double> sum = problem.direct().sum;
    const double plain = relative_error(problem, sum);
    problem.filtered = true;
    const double filtered = relative_error(problem, sum);
    EXPECT_GT(filtered, 1000);  // else the factors were those of float32
    EXPECT_LT(filtered, 3 * plain);
    RecordProperty(concat("errors_", static_cast<int>(kernel)), concat(plain, " ", filtered));
  }
  set_bf16(false);
  force_isa(before);
}

class CpuImplicitConv2d : public CpuFastConv2d {};

TEST_P(CpuImplicitConv2d, EmptyShapesWriteNothingOrZeros) {
  Conv2dShape shape = make_shape(2, 3, 4, {5, 3, 1, 1}, {5, 3, 1, 1});
  shape.n = 0;
  std::vector<float> dw(static_cast<size_t>(weight_size(shape)), 7.0f);
  conv2d_fprop_implicit(shape, nullptr, dw.data(), {}, nullptr, Write::Set);
  conv2d_dgrad_implicit(shape, nullptr, dw.data(), {}, nullptr, Write::Set);
  conv2d_wgrad_implicit(shape, nullptr, nullptr, dw.data(), Write::Add);
  for (const float value : dw) EXPECT_EQ(value, 7.0f);
  conv2d_wgrad_implicit(shape, nullptr, nullptr, dw.data(), Write::Set);
  for (const float value : dw) EXPECT_EQ(value, 0.0f);

  shape.n = 2;
  shape.ic = 0;
  std::vector<float> y(static_cast<size_t>(y_size(shape)), 7.0f);
  conv2d_fprop_implicit(shape, nullptr, nullptr, {}, y.data(), Write::Set);
  for (const float value : y) EXPECT_EQ(value, 0.0f);
}

TEST_P(CpuImplicitConv2d, ANaNPassesThroughTheActivations) {
  const Conv2dShape shape = make_shape(1, 2, 20, {4, 1, 1, 0}, {4, 1, 1, 0});
  std::vector<float> x = random_floats(x_size(shape), 1), y(static_cast<size_t>(y_size(shape)));
  const std::vector<float> weight = random_floats(weight_size(shape), 2);
  x[0] = NAN;
  for (const Activation activation : {Activation::Relu, Activation::LeakyRelu, Activation::Tanh}) {
    conv2d_fprop_implicit(shape, x.data(), weight.data(), {.activation = activation}, y.data(), Write::Set);
    for (size_t oc = 0; oc < y.size(); ++oc) EXPECT_EQ(std::isnan(y[oc]), oc < 20) << oc;
  }
}

TEST_P(CpuImplicitConv2d, TanhIsAccurateToTwoUnitsInTheLastPlace) {
  const int64_t count = 200003;
  std::vector<float> x(static_cast<size_t>(count)), y(x.size());
  for (int64_t i = 0; i < count; ++i) x[static_cast<size_t>(i)] = static_cast<float>(i - count / 2) * 1.1e-4f;
  const float one = 1;
  conv2d_fprop_implicit(make_shape(count, 1, 1, {1, 1, 1, 0}, {1, 1, 1, 0}), x.data(), &one,
                        {.activation = Activation::Tanh}, y.data(), Write::Set);
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = std::tanh(static_cast<double>(x[i]));
    ASSERT_NEAR(static_cast<double>(y[i]), expected, std::abs(expected) * 2.4e-7) << "tanh(" << x[i] << ")";
  }
}

TEST_P(CpuImplicitConv2d, AnActivationOfAPartOfASumIsRefused) {
  const Conv2dShape shape = make_shape(1, 1, 1, {1, 1, 1, 0}, {1, 1, 1, 0});
  float value = 1;
  const Epilogue relu{.activation = Activation::Relu};
  EXPECT_THROW(conv2d_fprop_implicit(shape, &value, &value, relu, &value, Write::Add), Error);
  EXPECT_THROW(conv2d_dgrad_implicit(shape, &value, &value, relu, &value, Write::Add), Error);
}

std::string test_name(const testing::TestParamInfo<Algorithm>& test) {
  return concat(isa_name(test.param.isa), test.param.filtered ? "_filtered" : "",
                test.param.bf16 ? "_bf16" : "");
}

INSTANTIATE_TEST_SUITE_P(Isas, CpuFastConv2d,
                         testing::Values(Algorithm{Isa::Portable}, Algorithm{Isa::Portable, true},
                                         Algorithm{Isa::Avx2}, Algorithm{Isa::Avx2, true},
                                         Algorithm{Isa::Avx512}, Algorithm{Isa::Avx512, true},
                                         Algorithm{Isa::Avx512, false, true},
                                         Algorithm{Isa::Avx512, true, true},
                                         Algorithm{Isa::Amx, false, true}),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Isas, CpuImplicitConv2d,
                         testing::Values(Algorithm{Isa::Portable}, Algorithm{Isa::Avx2},
                                         Algorithm{Isa::Avx512}),
                         test_name);

}  // namespace
}  // namespace duel::cpu
