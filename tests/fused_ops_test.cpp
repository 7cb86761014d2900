// An op that applies an activation in its own pass against the op and the activation one after the other.
#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "lib/autograd.h"
#include "ops/activations.h"
#include "ops/batch_norm.h"
#include "ops/conv2d.h"
#include "ops/nn/init.h"
#include "ops/nn/layers.h"
#include "tests/files.h"
#include "tests/tensors.h"

namespace duel {
namespace {

struct Activation {
  const char* name;
  Unary f;
  std::function<Tensor(const Tensor&)> apply;
};

const Activation activations[] = {
    {"relu", Relu{}, [](const Tensor& x) { return relu(x); }},
    {"leaky_relu", LeakyRelu{0.2}, [](const Tensor& x) { return leaky_relu(x, 0.2); }},
    {"sigmoid", Sigmoid{}, [](const Tensor& x) { return sigmoid(x); }},
    {"tanh", Tanh{}, [](const Tensor& x) { return duel::tanh(x); }},
};

/// An op on these inputs, with or without an activation in its pass.
using Op = std::function<Tensor(const std::vector<Tensor>&, const std::optional<Unary>&)>;

/// Values and gradients, for randomly weighted outputs, of both ways; `roundings` is larger for sums of more
/// terms.
void expect_the_same(const std::vector<Shape>& shapes, const Op& op, double roundings = 1) {
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    const double tolerance = roundings * (dtype == DType::Float32 ? 2e-6 : 1e-13);
    for (const Activation& activation : activations) {
      SCOPED_TRACE(concat(activation.name, ", ", name_of(dtype)));
      std::vector<Tensor> fused, composed;
      for (size_t i = 0; i < shapes.size(); ++i) {
        fused.push_back(random_leaf(shapes[i], i + 1, dtype));
        composed.push_back(random_leaf(shapes[i], i + 1, dtype));
      }
      const Tensor y = op(fused, activation.f), expected = activation.apply(op(composed, {}));
      ASSERT_EQ(y.shape(), expected.shape());
      const Tensor weights = random_tensor(y.shape(), 99, dtype);
      backward(y, weights);
      backward(expected, weights);
      const auto near = [&](const Tensor& a, const Tensor& b, const char* what, size_t input) {
        const std::vector<double> x = values_of(a), z = values_of(b);
        for (size_t i = 0; i < x.size(); ++i)
          ASSERT_NEAR(x[i], z[i], tolerance * (1 + std::abs(z[i])))
              << what << " " << input << "[" << i << "]";
      };
      near(y, expected, "output", 0);
      for (size_t i = 0; i < shapes.size(); ++i) near(fused[i].grad(), composed[i].grad(), "gradient", i);
    }
  }
}

TEST(FusedOps, Conv2d) {
  expect_the_same({{2, 9, 8, 3}, {5, 4, 4, 3}}, [](const std::vector<Tensor>& in, const auto& f) {
    return conv2d(in[0], in[1], {}, {2, 2}, {1, 1}, f);
  });
}

TEST(FusedOps, Conv2dWithBias) {
  expect_the_same({{2, 5, 6, 4}, {33, 3, 3, 4}, {33}}, [](const std::vector<Tensor>& in, const auto& f) {
    return conv2d(in[0], in[1], in[2], {1, 1}, {1, 1}, f);
  });
}

TEST(FusedOps, ConvTranspose2d) {
  expect_the_same({{2, 4, 5, 6}, {6, 4, 4, 20}}, [](const std::vector<Tensor>& in, const auto& f) {
    return conv_transpose2d(in[0], in[1], {}, {2, 2}, {1, 1}, {0, 0}, f);
  });
}

TEST(FusedOps, ConvTranspose2dToColoursWithBias) {
  expect_the_same({{2, 4, 4, 16}, {16, 4, 4, 3}, {3}}, [](const std::vector<Tensor>& in, const auto& f) {
    return conv_transpose2d(in[0], in[1], in[2], {2, 2}, {1, 1}, {0, 0}, f);
  });
}

TEST(FusedOps, BatchNorm) {
  expect_the_same({{6, 3, 2, 5}, {5}, {5}}, [](const std::vector<Tensor>& in, const auto& f) {
    return batch_norm(in[0], in[1], in[2], {}, {}, {.activation = f});
  });
}

/// Whole strips of columns and a rest, and several chunks of rows.
TEST(FusedOps, BatchNormOfManyRowsAndColumns) {
  expect_the_same(
      {{15, 6, 7, 150}, {150}, {150}},
      [](const std::vector<Tensor>& in, const auto& f) {
        return batch_norm(in[0], in[1], in[2], {}, {}, {.activation = f});
      },
      10);
}

// (1 + e)^2 is rounded to 1 + 2e, less which 0 is left, though the exact product is larger by e^2.
TEST(FusedOps, BatchNormTakesARoundedZeroForZeroAsItsPartsDo) {
  for (const auto& [dtype, ulp] : {std::pair{DType::Float32, 0x1p-23}, {DType::Float64, 0x1p-52}}) {
    for (const Activation& activation : {activations[0], activations[1]}) {
      SCOPED_TRACE(concat(activation.name, ", ", name_of(dtype)));
      constexpr int64_t channels = 21;  // vectors and a rest
      const auto gradients = [&, type = dtype, e = ulp](bool fused) {
        const auto leaf = [&](const Shape& shape, double value) {
          return Tensor::full(shape, value, type).set_requires_grad(true);
        };
        const Tensor x = leaf({3, channels}, 1 + e), weight = leaf({channels}, 1 + e);
        const Tensor bias = leaf({channels}, -1 - 2 * e), zero = Tensor::zeros({channels}, type);
        const Tensor y = batch_norm(
            x, weight, bias, zero, Tensor::full({channels}, 1, type),
            {.training = false, .eps = 0, .activation = fused ? std::optional(activation.f) : std::nullopt});
        const Tensor result = fused ? y : activation.apply(y);
        EXPECT_TRUE(same(result, Tensor::zeros(result.shape(), type)));
        backward(result, Tensor::full(result.shape(), 5, type));
        return std::array{x.grad(), weight.grad(), bias.grad()};
      };
      const auto actual = gradients(true), expected = gradients(false);
      for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(same(actual[i], expected[i])) << i;
    }
  }
}

TEST(FusedOps, AnActivationThatNeedsItsInputIsRefused) {
  const Tensor x = random_leaf({1, 3, 3, 1}, 1, DType::Float32),
               w = random_leaf({1, 2, 2, 1}, 2, DType::Float32);
  EXPECT_TRUE(contains(error_of([&] { conv2d(x, w, {}, {1, 1}, {0, 0}, Abs{}); }), "needs its input"));
}

/// Layer by layer, as trace() sees them, a network computes what it computes in fused passes.
TEST(FusedOps, SequentialGivesTheSamePictures) {
  nn::Sequential network;
  network.add<nn::ConvTranspose2d>(4, 8, Pair{4, 4}, nn::ConvOptions{.stride = {2, 2}, .padding = {1, 1}})
      .add<nn::BatchNorm2d>(8)
      .add<nn::ReLU>()
      .add<nn::Conv2d>(8, 3, Pair{3, 3})
      .add<nn::Tanh>();
  RandomStream stream(1, Stream::Weights);
  nn::init_normal(network, 0.5, stream);
  const Tensor x = random_tensor({2, 3, 3, 4}, 3, DType::Float32);
  Tensor one_by_one = x;
  network.eval();
  for (const auto& [name, layer] : network.children()) one_by_one = (*layer)(one_by_one);
  const std::vector<double> expected = values_of(one_by_one), values = values_of(network(x));
  for (size_t i = 0; i < values.size(); ++i) ASSERT_NEAR(values[i], expected[i], 1e-6) << i;

  std::vector<std::string> seen;
  nn::Module::trace(network, x.shape(), [&](const nn::Module& layer, const Shape&, const Shape&) {
    if (layer.children().empty()) seen.push_back(layer.description());
  });
  EXPECT_EQ(seen.size(), 5u);
}

}  // namespace
}  // namespace duel
