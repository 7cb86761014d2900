#include "apps/gan/networks.h"

#include "apps/gan/layers.h"
#include "lib/finite.h"
#include "lib/kernels.h"
#include "lib/profile.h"
#include "ops/cast.h"
#include "ops/layout.h"

namespace duel::gan {
namespace {

Shape picture_shape(const Config& c) { return {1, c.image_size, c.image_size, c.channels}; }

}  // namespace

Network::Network(const char* description, const Layers& layers, const char* key, const Config& config,
                 const Shape& input, const Shape& output, Device device)
    : description_(description), dropout_(config.seed, Stream::Dropout, device) {
  Shape shape = input;
  build_layers(*this, layers, key, layer_variables(config), shape, dropout_);
  check(shape == output, key, "[", layers.size() - 1, "], the last layer, must give ", size_text(output),
        ", but gives ", size_text(shape), " (recipe ", config.recipe, ")");
  to(device);
}

Tensor Network::activations(const Tensor& x) {
  return Sequential::forward(x.dtype() == DType::Float32 ? cast(x, kernels(x.device()).activation_type())
                                                         : x);
}

Tensor Network::forward(const Tensor& x) {
  return cast(activations(x), x.dtype() == DType::BFloat16 ? DType::Float32 : x.dtype());
}

std::string part_not_finite(const nn::Module& network, const std::string& prefix) {
  for (const nn::NamedTensor& part : network.state(prefix)) {
    if (part.tensor->dtype() != DType::Float32) continue;  // the number of batches that batch norm saw
    if (!all_finite(part.tensor->to_vector<float>())) return part.name;
  }
  return "";
}

// G's dropout begins halfway along the stream, where D's never comes.
Generator::Generator(const Config& c, Device device)
    : Network("Generator", c.generator, "generator", c, {1, c.z_dim}, picture_shape(c), device) {
  dropout().set_position(int64_t{1} << 62);
}

Discriminator::Discriminator(const Config& c, Device device)
    : Network("Discriminator", c.discriminator, "discriminator", c, picture_shape(c), {1, 1}, device) {}

std::pair<Tensor, Tensor> Discriminator::both(const Tensor& real, const Tensor& fake) {
  const int64_t count = real.dim(0);
  if (!kernels(real.device()).joins_batches() || fake.dim(0) != count) {
    ScopedPhase phase("D real");
    const Tensor real_logits = (*this)(real);
    phase.change("D fake");
    return {real_logits, (*this)(fake)};
  }
  const ScopedPhase phase("D real, fake");
  const nn::SeparateBatches two(2);
  const Tensor logits = (*this)(concatenate({cast(real, fake.dtype()), fake}, 0));
  return {slice(logits, 0, 0, count), slice(logits, 0, count, count)};
}

}  // namespace duel::gan
