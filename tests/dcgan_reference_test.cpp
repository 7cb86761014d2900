// Twenty iterations of the recipe against PyTorch's, from the same weights, pictures and latents. What the
// file holds and how it was made: tests/reference/README.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "apps/gan/trainer.h"
#include "lib/io/safetensors.h"
#include "lib/kernels.h"
#include "ops/cpu/cpu_features.h"
#include "tests/cuda_test.h"
#include "tests/with_conv_algorithm.h"

namespace duel::gan {
namespace {

constexpr int64_t batch = 16, batches = 5, iterations = 20;

/// Mostly the weights agree to 1e-6. But where an activation's input is so near its kink that rounding
/// decides the side, one element's gradient is another, a thousandth of a bias's in networks as small as
/// these; which machine and number of threads that happens on is chance. The losses do not feel it, and
/// Adam's moments, half of which is the last gradient, feel it most: 5 % was seen on 64-bit ARM.
constexpr double weight_tolerance = 5e-3, moment_tolerance = 0.1;

/// |a - b| at its largest, in units of the largest |b|.
double distance(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.shape(), b.shape());
  const auto x = a.detach().to(Device{}).to_vector<float>(), y = b.to_vector<float>();
  double worst = 0, scale = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(x[i]) - static_cast<double>(y[i])));
    scale = std::max(scale, std::abs(static_cast<double>(y[i])));
  }
  return worst / std::max(scale, 1e-30);
}

class DcganReference : public testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    std::string why;
    if (device() == cuda_device && !cuda_available(&why)) GTEST_SKIP() << why;
    algorithm_.emplace(GetParam().algorithm, device());
    Config config;
    config.g_dim = config.d_dim = 8;
    config.batch_size = batch;
    trainer_ = std::make_unique<Trainer>(config, device());
    for_each_state("initial/", [](const Tensor& ours, const Tensor& reference, const std::string&) {
      ours.copy_from(reference);
    });
  }

  static Device device() { return GetParam().device; }

  /// Calls visit(our tensor, the reference's, name) for all parameters and buffers of both networks.
  template <class Visit>
  void for_each_state(const std::string& prefix, const Visit& visit) {
    for (auto [network, name] : {std::pair<nn::Module*, const char*>{&trainer_->generator(), "G"},
                                 {&trainer_->discriminator(), "D"}}) {
      for (const nn::NamedTensor& part : network->state(name))
        visit(*part.tensor, nn::from_outside(reference_.at(prefix + part.name), part.layout), part.name);
    }
  }

  Tensor real(int64_t iteration) const {
    const Tensor pixels = nn::from_outside(reference_.at("pictures"), nn::Layout::ConvWeight)
                              .rows(iteration % batches * batch, batch);
    const Tensor pictures = Tensor::empty(pixels.shape());
    kernels({}).pixels_to_float(pixels, pictures);
    return pictures.to(device());
  }

  /// which: 0 for D's step, 1 for G's.
  Tensor z(int64_t iteration, int64_t which) const {
    const Tensor all = reference_.at("z");
    return all.view({iterations * 2, batch, all.dim(3)})
        .rows(iteration * 2 + which, 1)
        .view({batch, all.dim(3)})
        .to(device());
  }

  /// Adam's state at the end.
  void expect_moments(const nn::Module& network, const std::string& prefix,
                      const Optimizer& optimizer) const {
    const auto state = optimizer.state();
    const std::map<std::string, Tensor> ours(state.begin(), state.end());
    for (const nn::NamedTensor& parameter : network.parameters()) {
      for (const std::string moment : {"exp_avg", "exp_avg_sq"}) {
        EXPECT_LT(distance(nn::to_outside(ours.at(parameter.name + "." + moment), parameter.layout),
                           reference_.at(concat("float32/", moment, "/", prefix, ".", parameter.name))),
                  moment_tolerance)
            << prefix << "." << parameter.name << " " << moment;
      }
    }
  }

  const SafetensorsFile reference_ = read_safetensors(DUEL_SOURCE_DIR "/tests/reference/dcgan.safetensors");
  std::unique_ptr<Trainer> trainer_;
  std::optional<WithConvAlgorithm> algorithm_;
};

TEST_P(DcganReference, FirstGradients) {
  const auto expect_gradients = [&](const nn::Module& network, const char* name) {
    for (const nn::NamedTensor& parameter : network.parameters(name)) {
      ASSERT_TRUE(parameter.tensor->grad().defined()) << parameter.name;
      EXPECT_LT(distance(nn::to_outside(parameter.tensor->grad(), parameter.layout),
                         reference_.at("first_gradient/" + parameter.name)),
                1e-4)
          << parameter.name;
    }
  };
  trainer_->d_step(real(0), z(0, 0));
  expect_gradients(trainer_->discriminator(), "D");
  trainer_->g_step(z(0, 1));
  expect_gradients(trainer_->generator(), "G");
}

TEST_P(DcganReference, TwentyIterations) {
  const auto d_loss = reference_.at("float32/d_loss").to_vector<float>();
  const auto g_loss = reference_.at("float32/g_loss").to_vector<float>();
  const auto d_real = reference_.at("float32/d_real").to_vector<float>();
  const auto d_fake = reference_.at("float32/d_fake").to_vector<float>();
  for (int64_t i = 0; i < iterations; ++i) {
    const auto at = static_cast<size_t>(i);
    const DStep d = trainer_->d_step(real(i), z(i, 0));
    const Tensor g = trainer_->g_step(z(i, 1));
    EXPECT_NEAR(d.loss.item() / d_loss[at], 1, 1e-4) << "iteration " << i;
    EXPECT_NEAR(g.item() / g_loss[at], 1, 1e-4) << "iteration " << i;
    EXPECT_NEAR(d.d_real.item() / d_real[at], 1, 1e-4) << "iteration " << i;
    EXPECT_NEAR(d.d_fake.item() / d_fake[at], 1, 1e-4) << "iteration " << i;
  }
  for_each_state("float32/final/", [](const Tensor& ours, const Tensor& reference, const std::string& name) {
    if (ours.dtype() == DType::Int64) {
      EXPECT_EQ(ours.item(), reference.item());
    } else {
      EXPECT_LT(distance(ours, reference), weight_tolerance) << name;
    }
  });
  expect_moments(trainer_->generator(), "G", trainer_->optimizer_g());
  expect_moments(trainer_->discriminator(), "D", trainer_->optimizer_d());
  const Tensor images = generate(trainer_->generator(), z(iterations - 1, 1).rows(0, 4));
  EXPECT_LT(distance(nn::to_outside(images, nn::Layout::ConvWeight), reference_.at("float32/images")),
            weight_tolerance);
}

/// Products of factors with 8 significant bits: each is off by up to 0.4 %, sums of thousands by far less.
TEST_P(DcganReference, TwentyIterationsInBf16) {
  if (device() == Device{}) {
    if (GetParam().algorithm == ConvAlgorithm::Im2col)
      GTEST_SKIP() << "the stored matrix is multiplied in float32";
    if (!cpu::bf16_supported()) GTEST_SKIP() << "this machine has no AVX512-BF16";
  }
  try {
    kernels(device()).set_precision(Precision::Bf16);
  } catch (const Error& error) {
    GTEST_SKIP() << error.what();
  }
  const auto d_loss = reference_.at("float32/d_loss").to_vector<float>();
  const auto g_loss = reference_.at("float32/g_loss").to_vector<float>();
  double worst = 0;
  for (int64_t i = 0; i < iterations; ++i) {
    const auto at = static_cast<size_t>(i);
    const double d = trainer_->d_step(real(i), z(i, 0)).loss.item() / static_cast<double>(d_loss[at]);
    const double g = trainer_->g_step(z(i, 1)).item() / static_cast<double>(g_loss[at]);
    EXPECT_NEAR(d, 1, 2e-2) << "iteration " << i;
    EXPECT_NEAR(g, 1, 2e-2) << "iteration " << i;
    worst = std::max({worst, std::abs(d - 1), std::abs(g - 1)});
  }
  RecordProperty("worst", concat(worst));
  kernels(device()).set_precision(Precision::Float32);
}

INSTANTIATE_TEST_SUITE_P(, DcganReference,
                         testing::Values(Way{{}, ConvAlgorithm::Im2col}, Way{{}, ConvAlgorithm::Implicit},
                                         Way{{}, ConvAlgorithm::Filtered}),
                         name_of_way);
INSTANTIATE_TEST_SUITE_P(Cuda, DcganReference,
                         testing::Values(Way{cuda_device, ConvAlgorithm::Im2col},
                                         Way{cuda_device, ConvAlgorithm::Implicit}),
                         name_of_way);

}  // namespace
}  // namespace duel::gan
