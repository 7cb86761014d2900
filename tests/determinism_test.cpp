// Reductions give the same bits with any number of threads, and a whole training step gives the same bits
// whenever it is repeated.
#include <gtest/gtest.h>

#include "lib/autograd.h"
#include "lib/kernels.h"
#include "lib/optim.h"
#include "ops/activations.h"
#include "ops/batch_norm.h"
#include "ops/conv2d.h"
#include "ops/layout.h"
#include "ops/losses.h"
#include "ops/matmul.h"
#include "ops/reductions.h"
#include "tests/tensors.h"
#include "tests/with_conv_algorithm.h"
#include "tests/with_threads.h"

namespace duel {
namespace {

// Long enough for several chunks of elements and of rows, with a rest.
constexpr int64_t kRows = 20011, kChannels = 5;

struct Reduction {
  const char* name;
  std::vector<Tensor> (*results)(DType dtype);  // forward and gradients
};

void PrintTo(const Reduction& reduction, std::ostream* out) { *out << reduction.name; }

Tensor input(DType dtype) { return random_leaf({kRows, kChannels}, 1, dtype); }

std::vector<Tensor> with_gradients(const Tensor& y, const std::vector<Tensor>& leaves) {
  backward(y, random_tensor(y.shape(), 9, y.dtype()));
  std::vector<Tensor> results{y};
  for (const Tensor& leaf : leaves) results.push_back(leaf.grad());
  return results;
}

std::vector<Tensor> run_sum(DType dtype) { return {sum(input(dtype)), mean(input(dtype))}; }

std::vector<Tensor> run_losses(DType dtype) {
  const Tensor x = input(dtype), p = sigmoid(input(dtype));
  const Tensor target = random_tensor(x.shape(), 2, dtype, Uniform{});
  std::vector<Tensor> results = with_gradients(bce_with_logits(x, target), {x});
  results.push_back(bce(p, target));
  return results;
}

std::vector<Tensor> run_bias(DType dtype) {
  const Tensor bias = random_leaf({kChannels}, 3, dtype);
  return with_gradients(
      linear(random_tensor({kRows, 1}, 1, dtype), random_tensor({kChannels, 1}, 2, dtype), bias), {bias});
}

std::vector<Tensor> run_batch_norm(DType dtype) {
  const Tensor x = input(dtype), weight = random_leaf({kChannels}, 2, dtype);
  const Tensor bias = random_leaf({kChannels}, 3, dtype);
  const Tensor mean = Tensor::zeros({kChannels}, dtype), variance = Tensor::full({kChannels}, 1, dtype);
  std::vector<Tensor> results =
      with_gradients(batch_norm(x, weight, bias, mean, variance), {x, weight, bias});
  results.push_back(mean);
  results.push_back(variance);
  return results;
}

class Reductions : public testing::TestWithParam<Reduction> {};

TEST_P(Reductions, DoNotDependOnTheNumberOfThreads) {
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    SCOPED_TRACE(name_of(dtype));
    std::vector<Tensor> expected;
    for (const int threads : {1, 2, 3}) {
      const WithThreads scope(threads);
      const std::vector<Tensor> results = GetParam().results(dtype);
      if (expected.empty()) expected = results;
      for (size_t i = 0; i < results.size(); ++i)
        EXPECT_TRUE(same(results[i], expected[i])) << threads << " threads, result " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, Reductions,
                         testing::Values(Reduction{"sum", run_sum}, Reduction{"losses", run_losses},
                                         Reduction{"bias", run_bias},
                                         Reduction{"batch_norm", run_batch_norm}),
                         [](const auto& reduction) { return std::string(reduction.param.name); });

// The weights after some steps of a small discriminator and generator in one.
std::vector<Tensor> train() {
  std::vector<Tensor> parameters;
  std::vector<std::string> names;
  for (const Shape& shape : {Shape{64, 20}, {16, 4, 4, 8}, {8}, {8}, {16, 4, 4, 8}, {1, 16 * 4 * 4}}) {
    parameters.push_back(random_tensor(shape, parameters.size(), DType::Float32, Normal{0, 0.1}));
    parameters.back().set_requires_grad(true);
    names.push_back(std::to_string(names.size()));
  }
  Optimizer optimizer = adam(parameters, names, {});
  const Tensor target = Tensor::full({32, 1}, 1);
  for (uint64_t step = 0; step < 3; ++step) {
    const Tensor z = random_tensor({32, 20}, 100 + step, DType::Float32);
    Tensor y = reshape(linear(z, parameters[0]), {32, 2, 2, 16});
    y = conv_transpose2d(y, parameters[1], {}, {4, 4});
    y = relu(batch_norm(y, parameters[2], parameters[3], {}, {}));
    y = leaky_relu(conv2d(y, parameters[4], {}, {2, 2}, {1, 1}));
    optimizer.zero_grad();
    backward(bce_with_logits(linear(reshape(y, {32, 256}), parameters[5]), target));
    optimizer.step();
  }
  return parameters;
}

TEST(Determinism, RepeatedTrainingGivesTheSameBits) {
  for (const ConvAlgorithm algorithm :
       {ConvAlgorithm::Im2col, ConvAlgorithm::Implicit, ConvAlgorithm::Filtered}) {
    SCOPED_TRACE(conv_algorithm_name(algorithm));
    const WithConvAlgorithm scope(algorithm);
    const std::vector<Tensor> first = train();
    for (int repeat = 0; repeat < 3; ++repeat) {
      const std::vector<Tensor> again = train();
      for (size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(same(again[i], first[i])) << "parameter " << i;
    }
  }
}

}  // namespace
}  // namespace duel
