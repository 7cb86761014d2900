// The gradients of both networks' losses, as the training step uses them, against difference quotients.
#include <gtest/gtest.h>

#include "apps/gan/config.h"
#include "apps/gan/networks.h"
#include "lib/error.h"
#include "ops/arithmetic.h"
#include "ops/check/gradcheck.h"
#include "ops/losses.h"
#include "ops/nn/init.h"
#include "tests/tensors.h"
#include "tests/with_threads.h"

namespace duel {
namespace {

constexpr int64_t kBatch = 3;

/// The recipe's networks, narrow, in float64, with weights so large that every layer matters.
struct Networks {
  gan::Config config;
  gan::Generator generator;
  gan::Discriminator discriminator;
  Tensor z, ones = Tensor::full({kBatch, 1}, 1, DType::Float64),
            zeros = Tensor::zeros({kBatch, 1}, DType::Float64);

  explicit Networks(const gan::Config& c) : config(c), generator(c), discriminator(c) {
    RandomStream stream(5, Stream::Weights);
    for (nn::Module* network : std::initializer_list<nn::Module*>{&generator, &discriminator}) {
      nn::init_normal(*network, 0.1, stream);
      network->to(DType::Float64);
    }
    z = random_tensor({kBatch, config.z_dim}, 1, DType::Float64, Uniform{-1, 1});
  }
};

gan::Config narrow(const char* recipe, int64_t image_size, int64_t channels, double negative_slope) {
  gan::Config config = gan::recipe(recipe);
  config.image_size = image_size;
  config.channels = channels;
  config.negative_slope = negative_slope;
  config.z_dim = 10;
  // Wide pictures and wide kernels take narrow layers to be checked in seconds.
  config.g_dim = config.d_dim = config.recipe == "celeba32" && config.image_size == 32 ? 4 : 2;
  return config;
}

void expect_gradients(const nn::Module& network, const std::function<Tensor()>& loss) {
  const WithThreads scope(1);  // thousands of small products are not worth waking others
  std::vector<Tensor> parameters;
  std::vector<std::string> names;
  for (const nn::NamedTensor& parameter : network.parameters()) {
    parameters.push_back(*parameter.tensor);
    names.push_back(parameter.name);
  }
  const GradcheckResult result =
      gradcheck(loss, parameters, {.rtol = 1e-5, .refinements = 2, .max_elements = 10});
  EXPECT_TRUE(result.passed) << result.str(names);
  EXPECT_LT(result.refined, result.checked / 3) << result.str(names);
}

class NetworkGradients : public testing::TestWithParam<gan::Config> {};

TEST_P(NetworkGradients, OfTheDiscriminatorsLoss) {
  Networks n(GetParam());
  n.generator.set_requires_grad(false);
  const Tensor real = random_tensor({kBatch, n.config.image_size, n.config.image_size, n.config.channels}, 2,
                                    DType::Float64, Uniform{-1, 1});
  const Tensor fake = n.generator(n.z);
  expect_gradients(n.discriminator, [&] {
    n.discriminator.dropout().set_position(0);  // every evaluation with the same masks
    return add(bce_with_logits(n.discriminator(real), n.ones),
               bce_with_logits(n.discriminator(fake), n.zeros));
  });
}

TEST_P(NetworkGradients, OfTheGeneratorsLossThroughAFrozenDiscriminator) {
  Networks n(GetParam());
  n.discriminator.set_requires_grad(false);
  expect_gradients(n.generator, [&] {
    n.discriminator.dropout().set_position(0);
    return bce_with_logits(n.discriminator(n.generator(n.z)), n.ones);
  });
}

INSTANTIATE_TEST_SUITE_P(Recipes, NetworkGradients,
                         testing::Values(narrow("celeba32", 32, 3, 0.01), narrow("celeba32", 64, 1, 0.2),
                                         narrow("anime64", 32, 3, 0.3), narrow("dcgan64", 64, 3, 0.2)),
                         [](const auto& recipe) {
                           return concat(recipe.param.recipe, "_image_size_", recipe.param.image_size,
                                         "_channels_", recipe.param.channels);
                         });

}  // namespace
}  // namespace duel
