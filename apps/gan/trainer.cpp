#include "apps/gan/trainer.h"

#include <algorithm>

#include "lib/autograd.h"
#include "lib/profile.h"
#include "ops/activations.h"
#include "ops/arithmetic.h"
#include "ops/nn/init.h"
#include "ops/reductions.h"

namespace duel::gan {
namespace {

Tensor labels(const Tensor& logits, double label) {
  return Tensor::full(logits.shape(), label, logits.dtype(), logits.device());
}

Tensor mean_probability(const Tensor& logits) {
  const NoGrad no_graph;
  return mean(sigmoid(logits));
}

/// Moves the network to the device first: an optimiser holds on to the parameters that it is given.
Optimizer make_adam(nn::Module& network, const Config& config, Device device) {
  network.to(device);
  std::vector<Tensor> parameters;
  std::vector<std::string> names;
  for (const nn::NamedTensor& parameter : network.parameters()) {
    parameters.push_back(*parameter.tensor);
    names.push_back(parameter.name);
  }
  return adam(parameters, names, {config.lr, config.beta1, config.beta2, config.eps, 0});
}

}  // namespace

// D is shown real pictures and fakes, and learns to tell them apart: real is 1, fake is 0.
DStep Trainer::d_step(const Tensor& real, const Tensor& z) {
  ScopedPhase phase("D fake");
  Tensor fake;
  {
    const NoGrad g_is_not_learning;
    fake = generator_(z);
  }
  phase.change("D real");
  const Tensor real_logits = discriminator_(real);
  phase.change("D fake");
  const Tensor fake_logits = discriminator_(fake);
  const Tensor loss =
      add(loss_(real_logits, labels(real_logits, 1)), loss_(fake_logits, labels(fake_logits, 0)));
  adam_d_.zero_grad();
  backward(loss);
  phase.change("optimisers");
  adam_d_.step();
  return {loss.detach(), mean_probability(real_logits), mean_probability(fake_logits)};
}

// G makes fakes and learns what would have made D call them real. Its loss asks for the label 1, rather than
// against the label 0, because the gradient of the latter vanishes where D is sure of itself (Goodfellow et
// al., 2014).
Tensor Trainer::g_step(const Tensor& z) {
  ScopedPhase phase("G");
  discriminator_.set_requires_grad(false);
  const Tensor fake_logits = discriminator_(generator_(z));
  const Tensor loss = loss_(fake_logits, labels(fake_logits, 1));
  adam_g_.zero_grad();
  backward(loss);
  phase.change("optimisers");
  adam_g_.step();
  discriminator_.set_requires_grad(true);
  return loss.detach();
}

Trainer::Trainer(const Config& config, Device device)
    : config_(config),
      device_(device),
      latent_(config.seed, Stream::Latent, device),
      generator_(config),
      discriminator_(config),
      adam_g_(make_adam(generator_, config, device)),
      adam_d_(make_adam(discriminator_, config, device)) {
  RandomStream weights(config.seed, Stream::Weights, device);
  nn::init_normal(generator_, config.init_std, weights);
  nn::init_normal(discriminator_, config.init_std, weights);
}

Tensor Trainer::draw_z(int64_t count) { return uniform_z(latent_, count, config_.z_dim, device_); }

Tensor Trainer::fixed_z() const {
  RandomStream stream(config_.seed, Stream::FixedLatent, device_);
  return uniform_z(stream, config_.sample_count, config_.z_dim, device_);
}

Tensor uniform_z(RandomStream& stream, int64_t count, int64_t z_dim, Device device) {
  const ScopedPhase phase("data");
  const Tensor z = Tensor::empty({count, z_dim}, DType::Float32, device);
  stream.fill(z, Uniform{-1, 1});
  return z;
}

Tensor generate(nn::Module& generator, const Tensor& z, int64_t batch_size) {
  const NoGrad no_graph;
  const bool was_training = generator.training();
  generator.eval();
  Tensor pictures;
  for (int64_t first = 0; first < z.dim(0); first += batch_size) {
    const int64_t count = std::min(batch_size, z.dim(0) - first);
    const Tensor part = generator(z.rows(first, count));
    if (!pictures.defined()) {
      Shape shape = part.shape();
      shape[0] = z.dim(0);
      pictures = Tensor::empty(shape, part.dtype(), part.device());
    }
    pictures.rows(first, count).copy_from(part);
  }
  generator.train(was_training);
  return pictures;
}

}  // namespace duel::gan
