// The two networks of a DCGAN (Radford, Metz & Chintala, "Unsupervised Representation Learning with Deep
// Convolutional Generative Adversarial Networks", 2016). Their layers stand in the recipe: see apps/recipes/.
//
// Pictures are channels-last inside, (N, H, W, C); Flatten and Unflatten order elements as PyTorch does, so
// that weights can be exchanged with it.
#pragma once

#include <string>

#include "apps/gan/config.h"
#include "lib/random.h"
#include "ops/nn/layers.h"

namespace duel::gan {

/// (count, S, S, channels).
Shape picture_shape(const Config& config, int64_t count);

/// The layers of a recipe one after the other, under the names that they have there. What flows between them
/// is kept in Kernels::activation_type(), which the input may have already; the result is of the input's
/// type, but float32 of a bfloat16 one.
class Network : public nn::Sequential {
 public:
  std::string description() const override { return description_; }
  /// What dropout draws from, on the device that the network was made for.
  RandomStream& dropout() { return dropout_; }
  /// forward() without its last cast, for what goes on into another network.
  Tensor forward_uncast(const Tensor& x);

 protected:
  /// Throws Error naming the layer of the recipe that does not fit, or what the last one ought to give.
  Network(const char* description, const Layers& layers, const char* key, const Config& config,
          const Shape& input, const Shape& output, Device device);
  Tensor forward(const Tensor& x) override;

 private:
  const char* description_;
  RandomStream dropout_;
};

/// The first parameter or running statistic of a network that holds what is no finite number, by its name
/// below `prefix`; empty if there is none.
std::string part_not_finite(const nn::Module& network, const std::string& prefix);

/// z (N, z_dim) -> pictures (N, S, S, channels), in [-1, 1] where the recipe ends in Tanh.
class Generator final : public Network {
 public:
  explicit Generator(const Config& config, Device device = {});
};

/// Pictures (N, S, S, channels) -> logits (N, 1): the sigmoid of a logit is D's estimate of the label.
class Discriminator final : public Network {
 public:
  explicit Discriminator(const Config& config, Device device = {});
  /// The logits (2N, 1) of real pictures, then of as many fakes, in one pass; to batch norm each are a batch
  /// of their own. For backends that join batches: see Kernels::joins_batches(). No gradient flows to the
  /// pictures.
  Tensor both(const Tensor& real, const Tensor& fake);
};

}  // namespace duel::gan
