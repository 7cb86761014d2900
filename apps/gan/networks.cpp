#include "apps/gan/networks.h"

#include "apps/gan/layers.h"
#include "lib/allocator.h"
#include "lib/finite.h"
#include "lib/kernels.h"
#include "ops/cast.h"

namespace duel::gan {

Shape picture_shape(const Config& c, int64_t count) {
  return {count, c.image_size, c.image_size, c.channels};
}

Network::Network(const char* description, const Layers& layers, const char* key, const Config& config,
                 const Shape& input, const Shape& output, Device device)
    : description_(description), dropout_(config.seed, Stream::Dropout, device) {
  Shape shape = input;
  try {
    build_layers(*this, layers, key, layer_variables(config), shape, dropout_);
  } catch (const OutOfMemory&) {
    throw;
  } catch (const Error& error) {
    fail(error.what(), " (recipe ", config.recipe, ")");
  }
  check(shape == output, key, "[", layers.size() - 1, "], the last layer, must give ", size_text(output),
        ", but gives ", size_text(shape), " (recipe ", config.recipe, ")");
  to(device);
}

Tensor Network::forward_uncast(const Tensor& x) {
  return Sequential::forward(x.dtype() == DType::Float32 ? cast(x, kernels(x.device()).activation_type())
                                                         : x);
}

Tensor Network::forward(const Tensor& x) {
  return cast(forward_uncast(x), x.dtype() == DType::BFloat16 ? DType::Float32 : x.dtype());
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
    : Network("Generator", c.generator, "generator", c, {1, c.z_dim}, picture_shape(c, 1), device) {
  dropout().set_position(int64_t{1} << 62);
}

Discriminator::Discriminator(const Config& c, Device device)
    : Network("Discriminator", c.discriminator, "discriminator", c, picture_shape(c, 1), {1, 1}, device) {}

Tensor Discriminator::both(const Tensor& real, const Tensor& fake) {
  check_shape("Discriminator", "fake", fake, real.shape());
  const int64_t count = real.dim(0);
  Shape shape = real.shape();
  shape[0] = 2 * count;
  const Tensor pictures = Tensor::empty(shape, fake.dtype(), real.device());
  kernels(real.device()).cast(real, pictures.rows(0, count), Write::Set);
  kernels(real.device()).cast(fake, pictures.rows(count, count), Write::Set);
  const nn::SeparateBatches two(2);
  return (*this)(pictures);
}

}  // namespace duel::gan
