// What modules share, and what layers say to arguments and inputs that do not fit.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "lib/autograd.h"
#include "ops/activations.h"
#include "ops/batch_norm.h"
#include "ops/nn/init.h"
#include "ops/nn/layers.h"
#include "ops/nn/state_file.h"
#include "ops/reductions.h"
#include "tests/files.h"
#include "tests/tensors.h"

namespace duel::nn {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(Modules, LayersTakeABatchWithoutPictures) {
  EXPECT_EQ(Flatten()(Tensor::zeros({0, 2, 2, 3})).shape(), (Shape{0, 12}));
  EXPECT_EQ(Unflatten(3, 2, 2)(Tensor::zeros({0, 12})).shape(), (Shape{0, 2, 2, 3}));
}

TEST(Modules, LayersNameWhatIsMissing) {
  EXPECT_EQ(error_of([] { Flatten()({}); }), "[Flatten(start_dim=1, end_dim=-1)] x is missing");
  EXPECT_EQ(error_of([] { Linear(2, 3)({}); }),
            "[Linear(in_features=2, out_features=3, bias=True)] x is missing");
  EXPECT_EQ(error_of([] { Flatten()(Tensor::zeros({})); }), "[Flatten] x must be (N, ...), got ()");
  EXPECT_EQ(error_of([] { Unflatten(1, 1, 1)(Tensor::zeros({})); }),
            "[Unflatten] x must be (N, features), got ()");
}

TEST(Modules, SequentialRefusesANameTwice) {
  Sequential network;
  network.append("fc", std::make_unique<Linear>(2, 3));
  EXPECT_EQ(error_of([&] { network.append("fc", std::make_unique<Linear>(3, 1)); }),
            "[Sequential] there is a layer 'fc' already");
  EXPECT_EQ(network.children().size(), 1u);
  network.append("1", std::make_unique<Linear>(3, 1));
  EXPECT_NO_THROW(network.add<ReLU>().add<ReLU>());
}

TEST(Modules, LayersRefuseArgumentsOutOfRange) {
  const std::pair<std::function<void()>, const char*> cases[] = {
      {[] {
         Conv2d(3, 4, {0, 3});
       },
       "[Conv2d] kernel_size must be positive, got 0"},
      {[] {
         Conv2d(3, 4, {3, 3}, {.stride = {1, 0}});
       },
       "[Conv2d] stride must be positive, got 0"},
      {[] {
         Conv2d(3, 4, {3, 3}, {.padding = {-1, 0}});
       },
       "[Conv2d] padding must not be negative, got -1"},
      {[] {
         Conv2d(3, 4, {3, 3}, {.stride = {2, 2}, .output_padding = {1, 0}});
       },
       "[Conv2d] output_padding must be 0, got 1"},
      {[] {
         ConvTranspose2d(3, 4, {3, 3}, {.output_padding = {0, 1}});
       },
       "[ConvTranspose2d] output_padding must be at least 0 and less than the stride, got 1"},
      {[] {
         ConvTranspose2d(3, 0, {3, 3});
       },
       "[ConvTranspose2d] out_channels must be positive, got 0"},
      {[] {
         ConvTranspose2d(3, 4, {3, -1});
       },
       "[ConvTranspose2d] kernel_size must be positive, got -1"},
      {[] { LeakyReLU{-0.5}; }, "[LeakyReLU] negative_slope must not be negative, got -0.5"},
      {[] { LeakyReLU{nan}; }, "[LeakyReLU] negative_slope must not be negative, got nan"},
      {[] { BatchNorm2d(1, -1); }, "[BatchNorm2d] eps must be finite and not negative, got -1"},
      {[] { BatchNorm2d(1, nan); }, "[BatchNorm2d] eps must be finite and not negative, got nan"},
      {[] { BatchNorm2d(1, 1e-5, 7); }, "[BatchNorm2d] momentum must be in [0, 1], got 7"},
  };
  for (const auto& [make, message] : cases) EXPECT_EQ(error_of(make), message);
}

TEST(Modules, BatchNormHandsOnItsEpsAndMomentum) {
  const Tensor x = random_tensor({2, 3, 3, 2}, 1, DType::Float32);
  BatchNorm2d layer(2, 0.1, 0.7);
  const Tensor mean = Tensor::zeros({2}), variance = Tensor::full({2}, 1);
  const Tensor expected =
      batch_norm(x, Tensor::full({2}, 1), Tensor::zeros({2}), mean, variance, {.momentum = 0.7, .eps = 0.1});
  EXPECT_TRUE(same(layer(x), expected));
  const auto state = layer.state();
  EXPECT_TRUE(same(*state[2].tensor, mean)) << state[2].name;
  EXPECT_TRUE(same(*state[3].tensor, variance)) << state[3].name;
}

TEST(Modules, SeparateBatchesInOnePassAreWhatEachWouldBeAlone) {
  Sequential together, apart;
  for (Sequential* network : {&together, &apart}) {
    const ConvOptions no_bias{.bias = false};  // behind batch norm its gradient is 0, but for rounding
    network->add<Conv2d>(2, 3, Pair{3, 3}, no_bias).add<BatchNorm2d>(3).add<LeakyReLU>(0.2);
    network->to(DType::Float64);
    uint64_t seed = 0;
    for (const NamedTensor& part : network->parameters())
      part.tensor->copy_from(random_tensor(part.tensor->shape(), ++seed));
  }
  const Tensor first = random_leaf({2, 4, 5, 2}, 10), second = random_leaf({2, 4, 5, 2}, 11);
  const Tensor weights = random_tensor({4, 2, 3, 3}, 12);

  const Tensor both = random_tensor({4, 4, 5, 2}, 0);
  both.rows(0, 2).copy_from(first);
  both.rows(2, 2).copy_from(second);
  Tensor joined = both.clone();
  joined.set_requires_grad(true);
  Tensor y;
  {
    const SeparateBatches two(2);
    { const SeparateBatches four(4); }
    y = together(joined);
  }
  backward(y, weights);
  const Tensor y_first = apart(first), y_second = apart(second);
  backward(y_first, weights.rows(0, 2));
  backward(y_second, weights.rows(2, 2));

  EXPECT_TRUE(close(y.detach().rows(0, 2), y_first, 1e-12));
  EXPECT_TRUE(close(y.detach().rows(2, 2), y_second, 1e-12));
  EXPECT_TRUE(close(joined.grad().rows(0, 2), first.grad(), 1e-12));
  EXPECT_TRUE(close(joined.grad().rows(2, 2), second.grad(), 1e-12));
  const auto actual = together.state(), expected = apart.state();
  for (size_t i = 0; i < expected.size(); ++i) {
    if (expected[i].tensor->dtype() == DType::Int64) {
      EXPECT_EQ(actual[i].tensor->item(), 2) << actual[i].name;
      EXPECT_EQ(expected[i].tensor->item(), 2) << expected[i].name;
      continue;
    }
    EXPECT_TRUE(close(*actual[i].tensor, *expected[i].tensor, 1e-12)) << expected[i].name;
    if (!expected[i].tensor->requires_grad()) continue;
    EXPECT_TRUE(close(actual[i].tensor->grad(), expected[i].tensor->grad(), 1e-12)) << expected[i].name;
  }

  together(both);  // one batch again
  EXPECT_EQ(together.state()[5].tensor->item(), 3) << together.state()[5].name;
}

TEST(Modules, ActivationsAreTheFunctionsOfTheirName) {
  const Tensor x = random_tensor({64}, 1, DType::Float32);
  EXPECT_TRUE(same(ReLU()(x), relu(x)));
  EXPECT_TRUE(same(LeakyReLU(0.3)(x), leaky_relu(x, 0.3)));
  EXPECT_TRUE(same(nn::Sigmoid()(x), sigmoid(x)));
  EXPECT_TRUE(same(nn::Tanh()(x), duel::tanh(x)));
}

TEST(Modules, FirstWeightsAreTheSameWithBatchNormBetweenThemAndWithout) {
  Sequential plain, normalised;
  plain.add<Conv2d>(2, 3, Pair{3, 3}).add<Conv2d>(3, 2, Pair{3, 3});
  normalised.add<Conv2d>(2, 3, Pair{3, 3}).add<BatchNorm2d>(3).add<Conv2d>(3, 2, Pair{3, 3});
  std::vector<Tensor> last;
  for (Sequential* network : {&plain, &normalised}) {
    RandomStream stream(1, Stream::Weights);
    init_normal(*network, 0.02, stream);
    last.push_back(*network->parameters()[network->parameters().size() - 2].tensor);
  }
  EXPECT_TRUE(same(last[0], last[1]));
}

/// A frozen layer stays in evaluation mode while the network around it trains.
TEST(Modules, TracingLeavesEveryModeAsItWas) {
  Sequential network;
  network.add<Linear>(2, 3).add<ReLU>();
  Module& frozen = *network.children()[0].second;
  frozen.eval();
  Module::trace(network, {1, 2}, [&](const Module& layer, const Shape&, const Shape&) {
    EXPECT_FALSE(layer.training()) << layer.description();
  });
  EXPECT_TRUE(network.training());
  EXPECT_FALSE(frozen.training());
  EXPECT_TRUE(network.children()[1].second->training());
}

TEST(Modules, AResultWithoutABatchHasASummary) {
  struct Total : Module {
    std::string description() const override { return "Total()"; }
    Tensor forward(const Tensor& x) override { return sum(x); }
  } total;
  EXPECT_TRUE(contains(summary(total, "T", {1, 2}), "T: Total()")) << summary(total, "T", {1, 2});
}

TEST(Modules, FreezingEndsWithItsScope) {
  Sequential network;
  network.add<Linear>(2, 1);
  EXPECT_THROW(
      {
        const Frozen frozen(network);
        EXPECT_FALSE(network(Tensor::full({1, 2}, 1)).requires_grad());
        fail("something goes wrong meanwhile");
      },
      Error);
  EXPECT_TRUE(network(Tensor::full({1, 2}, 1)).requires_grad());
}

TEST(Modules, WhatWasFrozenBeforeStaysFrozen) {
  Sequential network;
  network.add<Linear>(2, 2).add<Linear>(2, 1);
  network.children()[0].second->set_requires_grad(false);
  { const Frozen frozen(network); }
  for (const NamedTensor& parameter : network.parameters())
    EXPECT_EQ(parameter.tensor->requires_grad(), parameter.name.starts_with("1.")) << parameter.name;
}

/// A layer of somebody who forgot to make its weight.
class Unfinished final : public Module {
 public:
  Unfinished() { add_parameter("weight", weight_); }
  std::string description() const override { return "Unfinished()"; }

 protected:
  Tensor forward(const Tensor& x) override { return x; }

 private:
  Tensor weight_;
};

TEST(Modules, AParameterThatIsNotThereIsNamed) {
  EXPECT_EQ(error_of([] { Unfinished(); }),
            "[module] weight is added before it is made: give it a tensor first");
}

TEST(Modules, ABatchThatIsRefusedIsNotCounted) {
  BatchNorm2d layer(2);
  EXPECT_NE(error_of([&] { layer(Tensor::zeros({1, 1, 1, 2})); }), "");
  EXPECT_EQ(layer.state()[4].tensor->item(), 0);
  layer(Tensor::zeros({2, 1, 1, 2}));
  EXPECT_EQ(layer.state()[4].tensor->item(), 1);
}

// ---- in files ----

class ModuleFiles : public testing::Test {
 protected:
  static std::unique_ptr<Sequential> network(uint64_t seed, int64_t channels = 3) {
    auto made = std::make_unique<Sequential>();
    made->add<Conv2d>(2, channels, Pair{3, 2})
        .add<BatchNorm2d>(channels)
        .add<Flatten>()
        .add<Linear>(channels, 1);
    RandomStream random(seed, Stream::Weights);
    init_normal(*made, 1, random);
    made->state()[4].tensor->fill(static_cast<double>(seed));  // the running mean
    return made;
  }
  static std::vector<std::vector<double>> values(const Module& module) {
    std::vector<std::vector<double>> all;
    for (const NamedTensor& part : module.state()) {
      if (part.tensor->dtype() == DType::Float32) all.push_back(values_of(*part.tensor));
    }
    return all;
  }

  TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "network.safetensors";
};

TEST_F(ModuleFiles, HoldWeightsAndStatisticsUnderPyTorchsNamesAndShapes) {
  const auto first = network(1), second = network(2);
  save(path_, *first);
  const SafetensorsFile file = read_safetensors(path_);
  EXPECT_EQ(file.names,
            (std::vector<std::string>{"0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean",
                                      "1.running_var", "1.num_batches_tracked", "3.weight", "3.bias"}));
  EXPECT_EQ(file.at("0.weight").shape(), (Shape{3, 2, 3, 2}));  // out, in, height, width
  EXPECT_NE(values(*second), values(*first));
  load(path_, *second);
  EXPECT_EQ(values(*second), values(*first));
}

TEST_F(ModuleFiles, ThatDoNotFitChangeNothing) {
  const auto small = network(1), large = network(2, 4);
  const auto before = values(*large);
  save(path_, *small);
  EXPECT_EQ(error_of([&] { load(path_, *large); }),
            path_.string() +
                ": 0.weight has shape (3, 2, 3, 2), the network needs (4, 2, 3, 2); it was saved "
                "with other sizes");
  EXPECT_EQ(values(*large), before);
  Sequential deeper;
  deeper.add<Linear>(1, 1).add<Linear>(1, 1);
  save(path_, deeper);
  deeper.add<Linear>(1, 1);
  EXPECT_TRUE(contains(error_of([&] { load(path_, deeper); }), "2.weight"));
}

TEST(Modules, ATypeThatCannotTrainLeavesAllAsItWas) {
  Sequential network;
  network.add<Linear>(2, 3).add<Linear>(3, 1);
  EXPECT_EQ(error_of([&] { network.to(DType::BFloat16); }),
            "[set_requires_grad] a tensor of bfloat16 has no gradient");
  for (const NamedTensor& parameter : network.parameters()) {
    EXPECT_EQ(parameter.tensor->dtype(), DType::Float32) << parameter.name;
    EXPECT_TRUE(parameter.tensor->requires_grad()) << parameter.name;
  }
  network.to(DType::Float64);
  backward(sum(network(Tensor::full({2, 2}, 1, DType::Float64))));
  EXPECT_EQ(network.parameters()[0].tensor->grad().dtype(), DType::Float64);
}

}  // namespace
}  // namespace duel::nn
