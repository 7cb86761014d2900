// The two networks of a DCGAN (Radford, Metz & Chintala, "Unsupervised Representation Learning with Deep
// Convolutional Generative Adversarial Networks", 2016) in the form of the recipe celeba32.
//
// Pictures are channels-last inside, (N, H, W, C); the fully connected layers see them channels-first, as
// PyTorch's view() does, so that weights can be exchanged with it.
#pragma once

#include <memory>
#include <vector>

#include "apps/gan/config.h"
#include "ops/nn/layers.h"

namespace duel::gan {

/// z (N, z_dim) -> pictures (N, S, S, channels) in [-1, 1]. A linear layer makes 2 x 2 pixels of many
/// channels; each transposed convolution then doubles the side and halves the channels. For 32 x 32 and g_dim
/// 64: 100 -> 512 x 2 x 2 -> 256 x 4 x 4 -> 128 x 8 x 8 -> 64 x 16 x 16 -> 3 x 32 x 32.
class Generator final : public nn::Module {
 public:
  explicit Generator(const Config& config);
  std::string description() const override { return "Generator"; }

 protected:
  Tensor forward(const Tensor& z) override;

 private:
  std::unique_ptr<nn::Linear> fc_;
  std::vector<std::unique_ptr<nn::Sequential>> layers_;
};

/// Pictures (N, S, S, channels) -> logits (N, 1): positive where D takes the picture for a real one. Each
/// convolution halves the side and doubles the channels, down to 4 x 4 pixels. For 32 x 32 and d_dim 64: 3 x
/// 32 x 32 -> 64 x 16 x 16 -> 128 x 8 x 8 -> 256 x 4 x 4 -> 1.
class Discriminator final : public nn::Module {
 public:
  explicit Discriminator(const Config& config);
  std::string description() const override { return "Discriminator"; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  std::vector<std::unique_ptr<nn::Sequential>> layers_;
  std::unique_ptr<nn::Linear> fc_;
};

}  // namespace duel::gan
