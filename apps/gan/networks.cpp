#include "apps/gan/networks.h"

#include "ops/layout.h"

namespace duel::gan {
namespace {

constexpr nn::ConvOptions halve_or_double{.stride = {2, 2}, .padding = {1, 1}, .bias = false};

/// How often the side is doubled from `smallest` to the picture's.
int doublings(const Config& config, int64_t smallest) {
  int count = 0;
  for (int64_t side = smallest; side < config.image_size; side *= 2) ++count;
  return count;
}

}  // namespace

Generator::Generator(const Config& config) {
  const int count = doublings(config, 2);
  int64_t width = config.g_dim << (count - 1);
  fc_ = std::make_unique<nn::Linear>(config.z_dim, width * 2 * 2);
  add_child("fc", *fc_);
  for (int i = 1; i <= count; ++i) {
    auto layer = std::make_unique<nn::Sequential>();
    if (i < count) {
      layer->add<nn::ConvTranspose2d>(width, width / 2, Pair{4, 4}, halve_or_double)
          .add<nn::BatchNorm2d>(width / 2, config.bn_eps, config.bn_momentum)
          .add<nn::ReLU>();
      width /= 2;
    } else {
      layer->add<nn::ConvTranspose2d>(width, config.channels, Pair{4, 4}, halve_or_double).add<nn::Tanh>();
    }
    add_child(concat("layer_", i), *layer);
    layers_.push_back(std::move(layer));
  }
}

Tensor Generator::forward(const Tensor& z) {
  const Tensor features = (*fc_)(z);
  const Tensor channels_first = reshape(features, {z.dim(0), features.dim(1) / 4, 2, 2});
  Tensor x = permute(channels_first, {0, 2, 3, 1});
  for (const auto& layer : layers_) x = (*layer)(x);
  return x;
}

Discriminator::Discriminator(const Config& config) {
  const int count = doublings(config, 4);
  int64_t width = config.d_dim;
  for (int i = 1; i <= count; ++i) {
    auto layer = std::make_unique<nn::Sequential>();
    if (i == 1) {
      layer->add<nn::Conv2d>(config.channels, width, Pair{4, 4}, halve_or_double);
    } else {
      layer->add<nn::Conv2d>(width, width * 2, Pair{4, 4}, halve_or_double)
          .add<nn::BatchNorm2d>(width * 2, config.bn_eps, config.bn_momentum);
      width *= 2;
    }
    layer->add<nn::LeakyReLU>(config.negative_slope);
    add_child(concat("layer_", i), *layer);
    layers_.push_back(std::move(layer));
  }
  fc_ = std::make_unique<nn::Linear>(width * 4 * 4, 1);
  add_child("fc", *fc_);
}

Tensor Discriminator::forward(const Tensor& x) {
  Tensor features = x;
  for (const auto& layer : layers_) features = (*layer)(features);
  const Tensor channels_first = permute(features, {0, 3, 1, 2});
  return (*fc_)(reshape(channels_first, {x.dim(0), features.numel() / x.dim(0)}));
}

}  // namespace duel::gan
