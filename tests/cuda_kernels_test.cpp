// Kernels of the CUDA backend called directly, held against the CPU's: sizes that need several blocks and
// chunks, views that begin anywhere, adding instead of overwriting, random numbers, whole optimiser steps.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>

#include "cuda/product_tile.h"
#include "lib/autograd.h"
#include "lib/optim.h"
#include "lib/profile.h"
#include "ops/conv2d.h"
#include "tests/cuda_test.h"
#include "tests/with_conv_algorithm.h"

namespace duel {
namespace {

using namespace cuda;

class CudaKernelsTest : public CudaTest {};

using Results = std::vector<Tensor>;

/// Runs a call of kernels on both devices, in both types, and compares what it returns.
void expect_same(const std::function<Results(Kernels&, DType, Device)>& call, double tolerance = 1e-5) {
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    const Results expected = call(kernels({}), dtype, {});
    const Results actual = call(kernels(cuda_device), dtype, cuda_device);
    for (size_t i = 0; i < expected.size(); ++i) {
      expect_close(actual[i], expected[i], dtype == DType::Float32 ? tolerance : 1e-12,
                   concat(name_of(dtype), ", result ", i));
    }
  }
}

/// factor * x, on the CPU.
Tensor values_times(const Tensor& x, double factor) {
  const Tensor y = Tensor::empty_like(x);
  kernels({}).multiply_accumulate(x, nullptr, factor, y, Write::Set);
  return y;
}

/// Sizes around those of a pack, a block and, on the smallest cards, a whole grid.
const int64_t kSizes[] = {1, 3, 4, 5, 255, 1027, 70001};

TEST_F(CudaKernelsTest, ElementwiseOverwritesAndAdds) {
  for (const int64_t n : kSizes) {
    for (const Write write : {Write::Set, Write::Add}) {
      expect_same([&](Kernels& k, DType dtype, Device device) {
        const Tensor a = normal({n}, dtype, 1).to(device), b = normal({n}, dtype, 2).to(device);
        const Tensor product = normal({n}, dtype, 3).to(device), grad = normal({n}, dtype, 4).to(device);
        const Tensor scaled = normal({n}, dtype, 5).to(device), all = normal({n}, dtype, 6).to(device);
        k.multiply_accumulate(a, &b, 0.7, product, write);
        k.multiply_accumulate(a, nullptr, -0.3, scaled, write);
        k.unary_grad(Sigmoid{}, a, b, grad, write);
        k.broadcast(a.rows(0, 1), 1.5, all, write);
        return Results{product, scaled, grad, all};
      });
    }
  }
}

TEST_F(CudaKernelsTest, ElementwiseInPlace) {
  expect_same([](Kernels& k, DType dtype, Device device) {
    const Tensor x = normal({1027}, dtype, 1).to(device), y = normal({1027}, dtype, 2).to(device);
    k.unary(Tanh{}, x, x);
    k.binary(Multiply{}, x, y, y);
    return Results{x, y};
  });
}

// A view that begins in the middle of a pack must not be read in packs.
TEST_F(CudaKernelsTest, ViewsBeginAnywhere) {
  for (const int64_t first : {1, 2, 3}) {
    expect_same([&](Kernels& k, DType dtype, Device device) {
      const Tensor x = normal({103, 1}, dtype, 1).to(device), y = normal({103, 1}, dtype, 2).to(device);
      k.binary(Add{}, x.rows(first, 97), y.rows(0, 97), y.rows(0, 97));
      const Tensor total = normal({1}, dtype, 3).to(device), columns = normal({4}, dtype, 4).to(device);
      k.sum(x.rows(first, 97), 1, total, Write::Set);
      k.sum_rows(x.rows(first, 96).view({24, 4}), columns, Write::Set);
      k.add_bias(columns, y.rows(first, 96).view({24, 4}));
      return Results{y, total, columns};
    });
  }
}

TEST_F(CudaKernelsTest, SumsOverManyChunks) {
  for (const auto& [rows, columns] :
       {std::pair<int64_t, int64_t>{1, 1}, {70001, 1}, {5003, 3}, {3000, 64}, {300, 260}, {0, 5}}) {
    for (const Write write : {Write::Set, Write::Add}) {
      expect_same([&, r = rows, c = columns](Kernels& k, DType dtype, Device device) {
        // All positive: a sum near zero would have no digits to compare.
        const Tensor x = Tensor::empty({r, c}, dtype);
        RandomStream(1, Stream::Check).fill(x, Uniform{0.1, 1});
        const Tensor on_device = x.to(device);
        const Tensor total = normal({1}, dtype, 2).to(device), sums = normal({c}, dtype, 3).to(device);
        k.sum(on_device, 0.25, total, write);
        k.sum_rows(on_device, sums, write);
        return Results{total, sums};
      });
    }
  }
}

TEST_F(CudaKernelsTest, ReductionsGiveTheSameBitsAgain) {
  const Tensor x = normal({70001}, DType::Float32, 1).to(cuda_device);
  const Tensor first = Tensor::zeros({1}, DType::Float32, cuda_device), again = first.clone();
  kernels(cuda_device).sum(x, 1, first, Write::Set);
  kernels(cuda_device).sum(x, 1, again, Write::Set);
  EXPECT_EQ(first.item(), again.item());
}

TEST_F(CudaKernelsTest, LayoutOverwritesAndAdds) {
  for (const Write write : {Write::Set, Write::Add}) {
    expect_same([&](Kernels& k, DType dtype, Device device) {
      const Tensor x = normal({3, 7, 5, 11}, dtype, 1).to(device);
      const Tensor permuted = normal({11, 3, 5, 7}, dtype, 2).to(device),
                   runs = normal({200}, dtype, 3).to(device);
      const int dims[] = {3, 0, 2, 1};
      k.permute(x, dims, permuted, write);
      k.copy_runs({9, 13, 4, 40, 2, 17}, x, runs, write);
      return Results{permuted, runs};
    });
  }
}

TEST_F(CudaKernelsTest, CopiesOfOneRunBeginAnywhere) {
  for (const auto& [x_start, y_start] : {std::pair<int64_t, int64_t>{0, 0}, {4, 8}, {3, 5}}) {
    for (const Write write : {Write::Set, Write::Add}) {
      expect_same([&, from = x_start, to = y_start](Kernels& k, DType dtype, Device device) {
        const Tensor x = normal({300}, dtype, 1).to(device), y = normal({300}, dtype, 2).to(device);
        k.copy_runs({1, 201, from, 0, to, 0}, x, y, write);
        return Results{y};
      });
    }
  }
}

// What runs beside other work is there after join(), and memory freed meanwhile is not handed out again.
TEST_F(CudaKernelsTest, WorkRunsBesideOtherWork) {
  Kernels& k = kernels(cuda_device);
  const Tensor x = normal({70001}, DType::Float32, 1), on_card = x.to(cuda_device);
  const Tensor tripled = Tensor::empty_like(on_card), doubled = Tensor::empty_like(on_card);
  const Tensor sum = Tensor::empty({}, DType::Float32, cuda_device), other = Tensor::empty_like(sum);
  Tensor between = Tensor::empty_like(on_card);
  k.multiply_accumulate(on_card, nullptr, 3, between, Write::Set);
  k.beside([&] {
    k.multiply_accumulate(between, nullptr, 1, tripled, Write::Set);
    k.sum(tripled, 1, sum, Write::Set);
  });
  between = {};
  const Tensor overwriting = Tensor::full({70001}, 7, DType::Float32, cuda_device);
  k.multiply_accumulate(on_card, nullptr, 2, doubled, Write::Set);
  k.sum(doubled, 1, other, Write::Set);
  k.beside([&] { k.sum(doubled, 1, sum, Write::Add); });
  k.join();
  expect_close(tripled, values_times(x, 3), 1e-6, "beside");
  expect_close(doubled, values_times(x, 2), 1e-6, "meanwhile");
  const double total = sum.item(), doubled_total = other.item();
  const Tensor first = Tensor::empty({}), second = Tensor::empty({});
  kernels({}).sum(x, 5, first, Write::Set);
  kernels({}).sum(x, 2, second, Write::Set);
  EXPECT_NEAR(total, first.item(), 1e-2);
  EXPECT_NEAR(doubled_total, second.item(), 1e-2);
}

TEST_F(CudaKernelsTest, ProductsOfEveryTransposition) {
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      for (const Write write : {Write::Set, Write::Add}) {
        expect_same([&](Kernels& k, DType dtype, Device device) {
          const Tensor a = normal(ta ? Shape{9, 5} : Shape{5, 9}, dtype, 1).to(device);
          const Tensor b = normal(tb ? Shape{7, 9} : Shape{9, 7}, dtype, 2).to(device);
          const Tensor y = normal({5, 7}, dtype, 3).to(device);
          k.gemm(ta, tb, a, b, y, write);
          return Results{y};
        });
      }
    }
  }
}

TEST_F(CudaKernelsTest, ProductOverNothingIsZero) {
  expect_same([](Kernels& k, DType dtype, Device device) {
    const Tensor y = normal({2, 3}, dtype, 1).to(device);
    k.gemm(false, false, Tensor::empty({2, 0}, dtype, device), Tensor::empty({0, 3}, dtype, device), y,
           Write::Set);
    return Results{y};
  });
}

Tensor rounded(const Tensor& x) { return x.to(DType::BFloat16); }
Tensor widened(const Tensor& x) { return x.to(DType::Float32); }

/// Runs a call on the card with numbers stored as bfloat16, and on the CPU with the same numbers as float32;
/// the call gets a function that brings its tensors there. Results are compared as float32.
using Store = std::function<Tensor(const Tensor&)>;
void expect_same_stored(const std::function<Results(Kernels&, const Store&, Device)>& call,
                        double tolerance) {
  const WithPrecision with(Precision::Bf16);
  if (!with.possible()) GTEST_SKIP() << with.why_not();
  const Results expected = call(kernels({}), [](const Tensor& x) { return widened(rounded(x)); }, {});
  const Results actual = call(
      kernels(cuda_device), [](const Tensor& x) { return rounded(x).to(cuda_device); }, cuda_device);
  for (size_t i = 0; i < expected.size(); ++i)
    expect_close(widened(actual[i]), expected[i], tolerance, concat("result ", i));
}

/// The three kernels of a convolution, overwriting and adding.
void expect_same_convolution(const Conv2dShape& s, double tolerance,
                             const std::vector<Write>& writes = {Write::Set, Write::Add}) {
  for (const Write write : writes) {
    expect_same(
        [&](Kernels& k, DType dtype, Device device) {
          const Shape x_shape{s.n, s.ih, s.iw, s.ic}, y_shape{s.n, s.oh, s.ow, s.oc};
          const Shape w_shape{s.oc, s.kh, s.kw, s.ic};
          const Tensor x = normal(x_shape, dtype, 1).to(device), w = normal(w_shape, dtype, 2).to(device);
          const Tensor dy = normal(y_shape, dtype, 3).to(device), y = normal(y_shape, dtype, 4).to(device);
          const Tensor dx = normal(x_shape, dtype, 5).to(device), dw = normal(w_shape, dtype, 6).to(device);
          k.conv2d_fprop(s, x, w, y, write);
          k.conv2d_dgrad(s, dy, w, dx, write);
          k.conv2d_wgrad(s, x, dy, dw, write);
          return Results{y, dx, dw};
        },
        tolerance);
  }
}

/// The kernels of a convolution and the fused ones.
void expect_same_stored_convolution(const Conv2dShape& s, Write write) {
  expect_same_stored(
      [&](Kernels& k, const Store& store, Device device) {
        const Shape x_shape{s.n, s.ih, s.iw, s.ic}, y_shape{s.n, s.oh, s.ow, s.oc};
        const auto random = [](const Shape& shape, uint64_t seed) {
          return normal(shape, DType::Float32, seed);
        };
        const Tensor x = store(random(x_shape, 1)), dy = store(random(y_shape, 3));
        const Tensor w = store(random({s.oc, s.kh, s.kw, s.ic}, 2));
        const Tensor y = store(random(y_shape, 4)), dx = store(random(x_shape, 5));
        const Tensor dw = random(w.shape(), 6).to(device), z = store(random(y_shape, 7)), u = x.clone();
        const Tensor bias_y = random({s.oc}, 8).to(device), bias_x = random({s.ic}, 9).to(device);
        const Unary leaky = LeakyRelu{0.2}, bounded = Tanh{};
        k.conv2d_fprop(s, x, w, y, write);
        k.conv2d_dgrad(s, dy, w, dx, write);
        k.conv2d_wgrad(s, x, dy, dw, write);
        k.conv2d_fprop_fused(s, x, w, &bias_y, &leaky, z);
        k.conv2d_dgrad_fused(s, dy, w, &bias_x, &bounded, u);
        return Results{y, dx, dw, z, u};
      },
      1e-2);
}

TEST_F(CudaKernelsTest, ConvolutionsOverwriteAndAdd) {
  for (const ConvAlgorithm algorithm : {ConvAlgorithm::Im2col, ConvAlgorithm::Implicit}) {
    const WithConvAlgorithm with(algorithm, cuda_device);
    for (const int64_t channels : {3, 4})  // one element and one pack at a time
      expect_same_convolution(conv2d_shape({2, 9, 6, channels}, {8, 4, 3, channels}, {2, 1}, {1, 2}), 1e-5);
  }
}

// Factors in single floats and in fours, several tiles each way with an end inside of the last one, weight
// gradients that are split or have their factors exchanged, taps before channels and behind them, results of
// few columns.
TEST_F(CudaKernelsTest, ConvolutionsOfSeveralTiles) {
  const WithConvAlgorithm implicit(ConvAlgorithm::Implicit, cuda_device);
  const Conv2dShape shapes[] = {conv2d_shape({3, 21, 20, 5}, {132, 3, 4, 5}, {1, 2}, {1, 1}),
                                conv2d_shape({3, 21, 20, 68}, {132, 3, 4, 68}, {1, 2}, {1, 1}),
                                conv2d_shape({2, 9, 7, 32}, {48, 3, 2, 32}, {2, 1}, {1, 0}),
                                conv2d_shape({2, 16, 16, 3}, {64, 4, 4, 3}, {2, 2}, {1, 1}),
                                conv2d_shape({2, 8, 8, 64}, {3, 3, 3, 64}, {1, 1}, {1, 1}),
                                conv2d_shape({2, 8, 9, 64}, {3, 2, 4, 64}, {1, 1}, {2, 0})};
  for (const Conv2dShape& s : shapes) {
    SCOPED_TRACE(concat(s.ic, " to ", s.oc, " channels"));
    for (const auto& [precision, tolerance] :
         {std::pair{Precision::Float32, 1e-5}, {Precision::Tf32, 1e-3}}) {
      const WithPrecision with(precision);
      if (with.possible()) expect_same_convolution(s, tolerance);
    }
  }
}

// Data gradients by squares of pixels: of one to four channels, by the tensor cores' lanes and by warpgroups,
// several taps around a square and a single one, a tile and a part of one.
TEST_F(CudaKernelsTest, DataGradientsOfPictures) {
  const WithConvAlgorithm implicit(ConvAlgorithm::Implicit, cuda_device);
  for (const Conv2dShape& s : {conv2d_shape({2, 20, 22, 3}, {64, 4, 4, 3}, {2, 2}, {1, 1}),
                               conv2d_shape({2, 10, 8, 1}, {96, 3, 5, 1}, {2, 2}, {0, 1}),
                               conv2d_shape({1, 6, 8, 2}, {32, 1, 2, 2}, {3, 2}, {0, 0}),
                               conv2d_shape({2, 6, 6, 4}, {128, 2, 3, 4}, {1, 2}, {1, 3})}) {
    SCOPED_TRACE(concat(s.ic, " channels"));
    const WithPrecision with(Precision::Tf32);
    if (with.possible()) expect_same_convolution(s, 1e-3);
    for (const Write write : {Write::Set, Write::Add}) expect_same_stored_convolution(s, write);
  }
}

// So many pixels that also a large card takes the widest tile, forward and backward; with 64 channels of a
// tap, that of warpgroups.
TEST_F(CudaKernelsTest, ConvolutionsOfTheWidestTile) {
  const WithConvAlgorithm implicit(ConvAlgorithm::Implicit, cuda_device);
  for (const auto& [ic, oc] : {std::pair<int64_t, int64_t>{16, 120}, {120, 16}, {64, 120}, {120, 64}}) {
    const Conv2dShape s = conv2d_shape({1, 130, 132, ic}, {oc, 1, 1, ic}, {1, 1}, {0, 0});
    ASSERT_EQ(tile_size_for(1, s.gemm_m(), std::max(ic, oc), 132), TileSize::Wide);
    const WithPrecision with(Precision::Tf32);
    if (with.possible()) expect_same_convolution(s, 1e-3, {Write::Set});
    expect_same_stored_convolution(s, Write::Set);
  }
}

// ---- stored as bfloat16 ----

TEST_F(CudaKernelsTest, StoredAsBf16OverwritesAndAdds) {
  const auto random = [](const Shape& shape, uint64_t seed) { return normal(shape, DType::Float32, seed); };
  for (const int64_t n : kSizes) {
    for (const Write write : {Write::Set, Write::Add}) {
      expect_same_stored(
          [&](Kernels& k, const Store& store, Device device) {
            const Tensor a = store(random({n}, 1)), b = store(random({n}, 2)),
                         product = store(random({n}, 3));
            const Tensor grad = store(random({n}, 4)), sums = random({1}, 5).to(device);
            const Tensor wide = random({n}, 6).to(device);
            k.multiply_accumulate(a, &b, 0.7, product, write);
            k.unary_grad(LeakyRelu{0.2}, a, b, grad, write);
            k.cast(a, wide, write);
            k.cast(wide, grad, write);
            k.add_bias(sums, b.view({n, 1}));
            return Results{product, grad, wide, b};
          },
          1e-2);
    }
  }
}

// Between channels-last and channels-first: by squares of both sizes, and where there are none.
TEST_F(CudaKernelsTest, PicturesAreTransposed) {
  for (const auto& [n, pixels, channels] :
       {std::array<int64_t, 3>{3, 16, 40}, {2, 4, 12}, {5, 64, 8}, {600, 8, 16}, {2, 9, 5}, {2, 16, 3}}) {
    const Shape last{n, 1, pixels, channels}, first{n, channels, 1, pixels};
    const int to_first[] = {0, 3, 1, 2}, to_last[] = {0, 2, 3, 1};
    for (const Write write : {Write::Set, Write::Add}) {
      const auto turned = [&](Kernels& k, const Tensor& x, const Tensor& there, const Tensor& back) {
        k.permute(x, to_first, there, write);
        k.permute(there, to_last, back, write);
        return Results{there, back};
      };
      expect_same([&](Kernels& k, DType dtype, Device device) {
        return turned(k, normal(last, dtype, 1).to(device), normal(first, dtype, 2).to(device),
                      normal(last, dtype, 3).to(device));
      });
      expect_same_stored(
          [&](Kernels& k, const Store& store, Device) {
            return turned(k, store(normal(last, DType::Float32, 1)), store(normal(first, DType::Float32, 2)),
                          store(normal(last, DType::Float32, 3)));
          },
          1e-2);
    }
  }
}

TEST_F(CudaKernelsTest, SumsAndLayoutOfBf16) {
  for (const auto& [rows, columns] :
       {std::pair<int64_t, int64_t>{1, 1}, {5003, 3}, {3000, 64}, {33000, 64}, {300, 260}}) {
    for (const Write write : {Write::Set, Write::Add}) {
      expect_same_stored(
          [&, r = rows, c = columns](Kernels& k, const Store& store, Device device) {
            const Tensor positive = Tensor::empty({r, c});
            RandomStream(1, Stream::Check).fill(positive, Uniform{0.1, 1});
            const Tensor x = store(positive), sums = normal({c}, DType::Float32, 3).to(device);
            const Tensor turned = store(normal({c, r}, DType::Float32, 4)), part = store(positive);
            const int dims[] = {1, 0};
            k.sum_rows(x, sums, write);
            k.permute(x, dims, turned, write);
            k.copy_runs({r, c, 0, c, 0, c}, x, part, write);
            return Results{sums, turned, part};
          },
          1e-2);
    }
  }
}

TEST_F(CudaKernelsTest, FilledAndDrawnAsBf16) {
  for (const int64_t n : {1, 9, 70001}) {
    const Tensor full = Tensor::full({n}, 0.3, DType::BFloat16, cuda_device);
    expect_close(widened(full), widened(rounded(Tensor::full({n}, 0.3))), 0, "filled");
    RandomStream here(7, Stream::Check), there(7, Stream::Check, cuda_device);
    const Tensor expected = Tensor::empty({n}), actual = Tensor::empty({n}, DType::BFloat16, cuda_device);
    here.fill(expected, Uniform{-1, 1});
    there.fill(actual, Uniform{-1, 1});
    expect_close(widened(actual), widened(rounded(expected)), 0, "drawn");
  }
}

TEST_F(CudaKernelsTest, ProductsOfFactorsStoredAsBf16) {
  for (const bool wide_result : {false, true}) {
    for (const Write write : {Write::Set, Write::Add}) {
      expect_same_stored(
          [&](Kernels& k, const Store& store, Device device) {
            const Tensor a = store(normal({5, 9}, DType::Float32, 1));
            const Tensor weight = store(normal({7, 9}, DType::Float32, 2));
            const Tensor y = normal({5, 7}, DType::Float32, 3);
            const Tensor result = wide_result ? y.to(device) : store(y);
            k.gemm(false, true, a, weight, result, write);
            return Results{result};
          },
          1e-2);
    }
  }
}

// By both ways, packs and single elements of each factor, several tiles, splits; a weight's rows that do not
// end on packs; bias and activation behind.
TEST_F(CudaKernelsTest, ConvolutionsStoredAsBf16) {
  const Conv2dShape shapes[] = {conv2d_shape({3, 21, 20, 5}, {132, 3, 4, 5}, {1, 2}, {1, 1}),
                                conv2d_shape({3, 13, 12, 72}, {136, 3, 4, 72}, {1, 2}, {1, 1}),
                                conv2d_shape({2, 9, 7, 32}, {44, 3, 2, 32}, {2, 1}, {1, 0}),
                                conv2d_shape({2, 16, 16, 3}, {64, 4, 4, 3}, {2, 2}, {1, 1}),
                                conv2d_shape({2, 8, 8, 64}, {3, 3, 3, 64}, {1, 1}, {1, 1}),
                                conv2d_shape({2, 8, 9, 64}, {3, 2, 4, 64}, {1, 1}, {2, 0})};
  for (const ConvAlgorithm algorithm : {ConvAlgorithm::Im2col, ConvAlgorithm::Implicit}) {
    const WithConvAlgorithm with(algorithm, cuda_device);
    for (const Conv2dShape& s : shapes) {
      SCOPED_TRACE(concat(conv_algorithm_name(algorithm), ", ", s.ic, " to ", s.oc, " channels"));
      for (const Write write : {Write::Set, Write::Add}) {
        expect_same_stored_convolution(s, write);
      }
    }
  }
}

// What warpgroups take where there are some: packs, and 64 channels of a tap or more. Each size of tile, with
// an end inside of the last one, in front of steps of k and behind them; weight gradients that are split.
TEST_F(CudaKernelsTest, ConvolutionsOfWarpgroups) {
  const WithConvAlgorithm implicit(ConvAlgorithm::Implicit, cuda_device);
  const Conv2dShape shapes[] = {conv2d_shape({3, 21, 20, 64}, {136, 3, 4, 64}, {1, 2}, {1, 1}),
                                conv2d_shape({3, 13, 12, 72}, {192, 3, 2, 72}, {2, 1}, {1, 0}),
                                conv2d_shape({5, 16, 16, 3}, {64, 4, 4, 3}, {2, 2}, {1, 1}),
                                conv2d_shape({2, 8, 8, 128}, {64, 3, 3, 128}, {1, 1}, {1, 1}),
                                conv2d_shape({2, 5, 6, 64}, {64, 3, 3, 64}, {1, 1}, {1, 1})};
  for (const Conv2dShape& s : shapes) {
    SCOPED_TRACE(concat(s.ic, " to ", s.oc, " channels"));
    for (const Write write : {Write::Set, Write::Add}) expect_same_stored_convolution(s, write);
    const WithPrecision with(Precision::Tf32);
    if (with.possible()) expect_same_convolution(s, 1e-3);
  }
}

TEST_F(CudaKernelsTest, BatchNormStoredAsBf16) {
  for (const int64_t channels : {3, 8, 68}) {
    for (const Unary& f : {Unary{Relu{}}, Unary{LeakyRelu{0.2}}, Unary{Tanh{}}}) {
      for (const bool training : {true, false}) {
        expect_same_stored(
            [&](Kernels& k, const Store& store, Device device) {
              const Shape shape{4, 9, 7, channels}, one{channels};
              const auto random = [&](const Shape& s, uint64_t seed) {
                return normal(s, DType::Float32, seed);
              };
              const Tensor x = store(random(shape, 1)), dy = store(random(shape, 2));
              const Tensor y = store(random(shape, 5)), dx = store(random(shape, 6));
              const Tensor w = random(one, 3).to(device), b = random(one, 4).to(device);
              const Tensor mean = Tensor::zeros(one, DType::Float32, device), variance = mean.clone();
              const Tensor dw = mean.clone(), db = mean.clone();
              k.batch_norm_statistics(x, mean, variance, nullptr);
              k.batch_norm_forward_fused(x, mean, variance, 1e-5, w, b, f, y);
              k.batch_norm_backward_fused(x, y, dy, mean, variance, 1e-5, w, b, f, training, dw, db, &dx,
                                          Write::Add);
              return Results{mean, variance, y, dw, db, dx};
            },
            2e-2);
      }
    }
  }
}

// ---- batch normalisation ----

// A mean of a thousand deviations: a difference of large sums would have no digit of the variance left. Also
// the running ones, which start elsewhere.
TEST_F(CudaKernelsTest, BatchNormStatisticsFarFromZero) {
  for (const auto& [rows, channels] : {std::pair<int64_t, int64_t>{2, 1}, {4000, 3}, {3000, 64}}) {
    expect_same(
        [&, r = rows, c = channels](Kernels& k, DType dtype, Device device) {
          const Tensor x = Tensor::empty({r, c}, dtype);
          RandomStream(1, Stream::Check).fill(x, Normal{1000, 1});
          const Tensor mean = Tensor::zeros({c}, dtype, device), variance = mean.clone();
          const RunningStatistics running{Tensor::full({c}, 5, dtype, device),
                                          Tensor::full({c}, 7, dtype, device), 0.3};
          k.batch_norm_statistics(x.to(device), mean, variance, &running);
          return Results{mean, variance, running.mean, running.variance};
        },
        1e-4);
  }
}

TEST_F(CudaKernelsTest, BatchNormBackwardAddsAndEvaluates) {
  for (const int64_t channels : {3, 8}) {
    for (const bool training : {false, true}) {
      for (const Write write : {Write::Set, Write::Add}) {
        expect_same([&](Kernels& k, DType dtype, Device device) {
          const Shape shape{2, 5, 7, channels}, per_channel{channels};
          const Tensor x = normal(shape, dtype, 1).to(device), dy = normal(shape, dtype, 2).to(device);
          const Tensor dx = normal(shape, dtype, 3).to(device), w = normal(per_channel, dtype, 4).to(device);
          const Tensor mean = Tensor::zeros(per_channel, dtype, device), variance = mean.clone();
          const Tensor dw = mean.clone(), db = mean.clone();
          k.batch_norm_statistics(x, mean, variance, nullptr);
          k.batch_norm_backward_sums(x, dy, mean, variance, 1e-5, dw, db);
          k.batch_norm_backward_input(x, dy, mean, variance, 1e-5, w, dw, db, training, dx, write);
          return Results{dx, dw, db};
        });
      }
    }
  }
}

TEST_F(CudaKernelsTest, BatchNormEvaluationHasAGradientWhereXIsInfinite) {
  for (const int64_t channels : {3, 8}) {
    for (const Unary& f : {Unary{Relu{}}, Unary{LeakyRelu{0.2}}, Unary{Scale{1}}}) {
      const auto gradients = [&](Kernels& k, const Tensor& x, const Tensor& dy) {
        const auto of_channels = [&](double value) {
          return Tensor::full({channels}, value, parameter_type(x.dtype()), x.device());
        };
        const Tensor w = of_channels(-1.5), b = of_channels(0.5), mean = of_channels(0.25),
                     variance = of_channels(4), dw = of_channels(0), db = of_channels(0);
        const Tensor y = Tensor::empty_like(x), dx = Tensor::empty_like(x), alone = Tensor::empty_like(x);
        k.batch_norm_forward_fused(x, mean, variance, 1e-5, w, b, f, y);
        k.batch_norm_backward_fused(x, y, dy, mean, variance, 1e-5, w, b, f, false, dw, db, &dx, Write::Set);
        k.batch_norm_backward_input(x, dy, mean, variance, 1e-5, w, dw, db, false, alone, Write::Set);
        return Results{dx, alone};
      };
      const auto infinite = [&](DType dtype) {
        const Tensor x = normal({6, channels}, dtype, 1);
        for (const int64_t row : {0, 3}) x.rows(row, 1).fill(row ? HUGE_VAL : -HUGE_VAL);
        return x;
      };
      const auto dy = [&](DType dtype) { return normal({6, channels}, dtype, 2); };
      expect_same([&](Kernels& k, DType dtype, Device device) {
        return gradients(k, infinite(dtype).to(device), dy(dtype).to(device));
      });
      expect_same_stored(
          [&](Kernels& k, const Store& store, Device) {
            return gradients(k, store(infinite(DType::Float32)), store(dy(DType::Float32)));
          },
          2e-2);
    }
  }
}

TEST_F(CudaKernelsTest, LossGradientAdds) {
  expect_same([](Kernels& k, DType dtype, Device device) {
    const Tensor x = normal({70001}, dtype, 1).to(device), dx = normal({70001}, dtype, 2).to(device);
    const Tensor target = Tensor::full({70001}, 0.9, dtype, device),
                 dy = Tensor::full({}, 0.5, dtype, device);
    const Tensor y = Tensor::zeros({}, dtype, device);
    k.loss(BceWithLogits{}, x, target, y);
    k.loss_grad(BceWithLogits{}, x, target, dy, dx, Write::Add);
    return Results{y, dx};
  });
}

// ---- random numbers ----

// Uniform and Bernoulli numbers are exact; a normal one may fall on the other side of a rounding, rarely.
TEST_F(CudaKernelsTest, RandomNumbersAreTheCpus) {
  for (const Distribution& distribution :
       {Distribution{Uniform{-1, 1}}, Distribution{Bernoulli{0.6, 1 / 0.6}},
        Distribution{Normal{0.3, 0.02}}}) {
    const bool exact = !std::holds_alternative<Normal>(distribution);
    for (const int64_t n : {1, 5, 70001}) {
      RandomStream here(7, Stream::Check), there(7, Stream::Check, cuda_device);
      for (const DType dtype : {DType::Float32, DType::Float64}) {
        const Tensor expected = Tensor::empty({n}, dtype), actual = Tensor::empty({n}, dtype, cuda_device);
        here.fill(expected, distribution);
        there.fill(actual, distribution);
        expect_close(actual, expected, exact ? 0 : 1e-6, "random numbers");
        EXPECT_EQ(there.position(), here.position());
      }
    }
  }
}

TEST_F(CudaKernelsTest, PixelsBecomeTheCpusNumbers) {
  std::vector<uint8_t> bytes(259);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i);
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    const Tensor expected = Tensor::empty({259}, dtype), actual = Tensor::empty({259}, dtype, cuda_device);
    kernels({}).pixels_to_float(Tensor::from(bytes, {259}), expected);
    kernels(cuda_device).pixels_to_float(Tensor::from(bytes, {259}, cuda_device), actual);
    expect_close(actual, expected, 0, "pixels");
  }
}

TEST_F(CudaKernelsTest, PicturesArePickedAndMirrored) {
  constexpr int64_t pictures = 9, batch = 13, height = 5, width = 7, channels = 3;
  std::vector<uint8_t> bytes(pictures * height * width * channels);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 31);
  std::vector<int64_t> order(batch);
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i * 5 % pictures);
  for (const bool any : {false, true}) {
    expect_same(
        [&](Kernels& k, DType dtype, Device device) {
          const Tensor y = Tensor::full({batch, height, width, channels}, 9, dtype, device);
          k.pick_pictures(Tensor::from(bytes, {pictures, height, width, channels}, device),
                          Tensor::from(order, {batch}, device), {any, 3, 2, 100}, y);
          return Results{y};
        },
        0);
  }
}

// ---- fused passes ----

const Unary kActivations[] = {Relu{}, LeakyRelu{0.2}, Tanh{}, Sigmoid{}, Scale{-2}};

/// What one kernel of the backend gives against the parts it is made of, on the backend itself.
void expect_same_as_composed(const std::function<Results(Kernels&)>& fused,
                             const std::function<Results(Kernels&)>& composed) {
  const Results actual = fused(kernels(cuda_device)), expected = composed(kernels(cuda_device));
  for (size_t i = 0; i < expected.size(); ++i)
    expect_close(actual[i], expected[i], 1e-6, concat("result ", i));
}

TEST_F(CudaKernelsTest, BatchNormWithActivationIsItsParts) {
  for (const int64_t channels : {3, 8}) {
    for (const Unary& f : kActivations) {
      for (const bool training : {true, false}) {
        for (const Write write : {Write::Set, Write::Add}) {
          const Shape shape{4, 5, 7, channels}, one{channels};
          const auto random = [](const Shape& s, uint64_t seed) {
            return normal(s, DType::Float32, seed).to(cuda_device);
          };
          const Tensor x = random(shape, 1), dy = random(shape, 2), w = random(one, 3), b = random(one, 4);
          const Tensor mean = Tensor::zeros(one, DType::Float32, cuda_device), variance = mean.clone();
          kernels(cuda_device).batch_norm_statistics(x, mean, variance, nullptr);
          const auto run = [&](Kernels& k, bool fused) {
            const Tensor y = Tensor::empty_like(x), dx = random(shape, 5);
            const Tensor dw = Tensor::empty_like(w), db = Tensor::empty_like(w);
            if (fused) {
              k.batch_norm_forward_fused(x, mean, variance, 1e-5, w, b, f, y);
              k.batch_norm_backward_fused(x, y, dy, mean, variance, 1e-5, w, b, f, training, dw, db, &dx,
                                          write);
            } else {
              k.Kernels::batch_norm_forward_fused(x, mean, variance, 1e-5, w, b, f, y);
              k.Kernels::batch_norm_backward_fused(x, y, dy, mean, variance, 1e-5, w, b, f, training, dw, db,
                                                   &dx, write);
            }
            return Results{y, dw, db, dx};
          };
          expect_same_as_composed([&](Kernels& k) { return run(k, true); },
                                  [&](Kernels& k) { return run(k, false); });
        }
      }
    }
  }
}

TEST_F(CudaKernelsTest, ConvolutionsWithBiasAndActivationAreTheirParts) {
  for (const ConvAlgorithm algorithm : {ConvAlgorithm::Im2col, ConvAlgorithm::Implicit}) {
    const WithConvAlgorithm with(algorithm, cuda_device);
    for (const int64_t channels : {3, 4}) {
      const Conv2dShape s = conv2d_shape({2, 9, 6, channels}, {8, 4, 3, channels}, {2, 1}, {1, 2});
      const auto random = [](const Shape& shape, uint64_t seed) {
        return normal(shape, DType::Float32, seed).to(cuda_device);
      };
      const Tensor x = random({s.n, s.ih, s.iw, s.ic}, 1), w = random({s.oc, s.kh, s.kw, s.ic}, 2),
                   dy = random({s.n, s.oh, s.ow, s.oc}, 3);
      const Tensor bias_y = random({s.oc}, 4), bias_x = random({s.ic}, 5);
      for (int choice = 0; choice < 12; ++choice) {
        const bool has_bias = choice % 2;
        const Unary* const f = choice < 10 ? &kActivations[choice / 2] : nullptr;
        const auto run = [&](Kernels& k, bool fused) {
          const Tensor y = Tensor::empty_like(dy), dx = Tensor::empty_like(x);
          const Tensor *to_y = has_bias ? &bias_y : nullptr, *to_x = has_bias ? &bias_x : nullptr;
          if (fused) {
            k.conv2d_fprop_fused(s, x, w, to_y, f, y);
            k.conv2d_dgrad_fused(s, dy, w, to_x, f, dx);
          } else {
            k.Kernels::conv2d_fprop_fused(s, x, w, to_y, f, y);
            k.Kernels::conv2d_dgrad_fused(s, dy, w, to_x, f, dx);
          }
          return Results{y, dx};
        };
        expect_same_as_composed([&](Kernels& k) { return run(k, true); },
                                [&](Kernels& k) { return run(k, false); });
      }
    }
  }
}

// ---- optimisers ----

/// Parameters of many sizes, more than one launch takes, after three steps; and the clock.
Results optimize(const Update& update, Kernels& k, DType dtype, Device device) {
  std::vector<ParameterState> states;
  for (uint64_t i = 0; i < 70; ++i) {
    const Shape shape{static_cast<int64_t>(i == 3 ? 9001 : 1 + i % 7 * 5)};
    const auto tensor = [&](uint64_t kind) { return normal(shape, dtype, 10 * i + kind).to(device); };
    states.push_back({tensor(0), tensor(1), tensor(2)});
    ParameterState& state = states.back();
    if (has_b(update)) state.b = tensor(3);
    for (Tensor* t : {&state.parameter, &state.grad, &state.a, &state.b}) {
      if (!t->defined()) continue;
      // The second moment is a mean of squares; a view that does not begin on a pack is a parameter, too.
      if (t == &state.a || t == &state.b) k.binary(Multiply{}, *t, *t, *t);
      if (i == 5) *t = t->rows(1, t->numel() - 1);
    }
  }
  const Tensor clock = Tensor::from(std::vector<double>{1e-3, 4}, {2}, device);
  for (int step = 0; step < 3; ++step) k.optimizer_step(update, states, clock);
  Results results{clock.to(dtype)};
  for (const ParameterState& state : states) {
    results.insert(results.end(), {state.parameter, state.a});
    if (has_b(update)) results.push_back(state.b);
  }
  return results;
}

TEST_F(CudaKernelsTest, OptimizersTakeTheCpusSteps) {
  for (const Update& update :
       {Update{AdamUpdate{0.5, 0.999, 1e-8, 0.01}}, Update{RmspropUpdate{0.99, 1e-8, 0.01, 0.9, 1, 1e-3}},
        Update{SgdUpdate{0.9, 0.01}}}) {
    expect_same([&](Kernels& k, DType dtype, Device device) { return optimize(update, k, dtype, device); });
  }
}

// More of them than one launch takes, of sizes around those of a block, some with one form and some with two.
TEST_F(CudaKernelsTest, FormsOfWeightsFollowChangesAndSteps) {
  const WithPrecision tf32(Precision::Tf32);
  if (!tf32.possible()) GTEST_SKIP() << tf32.why_not();
  const std::vector<Shape> shapes{
      {64, 2, 2, 32}, {65, 3, 1, 33}, {1, 1, 1, 1}, {7, 2, 3, 100}, {130, 1, 2, 5}};
  std::vector<Tensor> weights;
  std::vector<std::string> names;
  for (size_t i = 0; i < 40; ++i) {
    weights.push_back(normal(shapes[i % shapes.size()], DType::Float32, i).to(cuda_device));
    weights.back().set_requires_grad(true);
    names.push_back(concat("w", i));
    if (i % 4 != 1) weights.back().form(Form::Tf32);
    if (i % 4 != 2) weights.back().form(Form::Tf32Turned);
    if (i % 4 == 3) weights.back().form(Form::BFloat16);
  }
  const auto expect_equal = [&](const char* when) {
    for (size_t i = 0; i < weights.size(); ++i) {
      for (const Form form : {Form::Tf32, Form::Tf32Turned, Form::BFloat16}) {
        const Tensor copy = weights[i].form_copy(form);
        if (!copy.defined()) continue;
        ASSERT_EQ(copy.shape(), form_shape(form, weights[i].shape()));
        ASSERT_EQ(copy.to(Device{}).to(DType::Float32).to_vector<float>(), values_of_form(weights[i], form))
            << names[i] << ", form " << static_cast<int>(form) << ' ' << when;
      }
    }
  };
  expect_equal("when made");
  for (size_t i = 0; i < weights.size(); ++i)
    weights[i].copy_from(normal(weights[i].shape(), DType::Float32, 100 + i));
  expect_equal("after a change");
  weights[0].detach().rows(3, 20).fill(0.1);
  expect_equal("after a change of a part");
  Optimizer optimizer = sgd(weights, names, {.lr = 0.01});
  for (const Tensor& weight : weights) backward(weight, weight.detach().clone());
  const std::vector<float> before = weights[1].to_vector<float>();
  optimizer.step();
  EXPECT_NE(weights[1].to_vector<float>(), before);
  expect_equal("after a step");
}

TEST_F(CudaKernelsTest, FormsAreTheSameWhereKernelsAreTimed) {
  const WithPrecision tf32(Precision::Tf32);
  if (!tf32.possible()) GTEST_SKIP() << tf32.why_not();
  const Profile profile;
  const Tensor weight = normal({64, 2, 2, 32}, DType::Float32, 1).to(cuda_device);
  for (const Form form : {Form::Tf32, Form::Tf32Turned, Form::BFloat16}) {
    EXPECT_EQ(weight.form(form).to(Device{}).to(DType::Float32).to_vector<float>(),
              values_of_form(weight, form));
  }
  EXPECT_TRUE(kernels(cuda_device).takes_pictures_as_they_lie());
}

TEST_F(CudaKernelsTest, OptimizerWithoutParametersCountsTheStep) {
  const Tensor clock = Tensor::from(std::vector<double>{1e-3, 4}, {2}, cuda_device);
  kernels(cuda_device).optimizer_step(AdamUpdate{}, {}, clock);
  EXPECT_EQ(clock.to_vector<double>(), (std::vector<double>{1e-3, 5}));
}

}  // namespace
}  // namespace duel
