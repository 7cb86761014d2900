#include "apps/gan/trainer.h"

#include <algorithm>

#include "lib/autograd.h"
#include "lib/kernels.h"
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

Optimizer make_optimizer(const nn::Module& network, const OptimizerConfig& o) {
  std::vector<Tensor> parameters;
  std::vector<std::string> names;
  for (const nn::NamedTensor& parameter : network.parameters()) {
    parameters.push_back(*parameter.tensor);
    names.push_back(parameter.name);
  }
  if (o.type == "RMSprop")
    return rmsprop(
        parameters, names,
        {.lr = o.lr, .alpha = o.alpha, .eps = o.eps, .clip_value = o.clip_value, .decay = o.decay});
  return adam(parameters, names, {.lr = o.lr, .beta1 = o.betas[0], .beta2 = o.betas[1], .eps = o.eps});
}

}  // namespace

DStep Trainer::d_step(const Tensor& real, const Tensor& z) {
  const ScopedPhase phase("D");
  return teach_d(real, fakes(z));
}

Tensor Trainer::g_step(const Tensor& z) {
  const ScopedPhase phase("G");
  return teach_g(generator_.activations(z));
}

std::pair<DStep, Tensor> Trainer::step(const Tensor& real, const Tensor& z_d, const Tensor& z_g) {
  Kernels& k = kernels(device_);
  if (!k.runs_beside()) {
    const DStep d = d_step(real, z_d);
    return {d, g_step(z_g)};
  }
  ScopedPhase phase("D");
  const Tensor fake = fakes(z_d);
  phase.change("G");
  Tensor fake_of_g;
  k.beside([&] { fake_of_g = generator_.activations(z_g); });
  phase.change("D");
  const DStep d = teach_d(real, fake);
  phase.change("G");
  return {d, teach_g(fake_of_g)};
}

/// Pictures to show D, from which G does not learn.
Tensor Trainer::fakes(const Tensor& z) {
  const NoGrad g_is_not_learning;
  return generator_.activations(z);
}

// D is shown real pictures and fakes, and learns to tell them apart by their labels. To batch norm they are
// two batches, each normalised by its own statistics.
DStep Trainer::teach_d(const Tensor& real, const Tensor& fake) {
  const auto [real_logits, fake_logits] = discriminator_.both(real, fake);
  const Tensor real_loss = loss_(real_logits, noisy_labels(real_logits, config_.label_real));
  const Tensor fake_loss = loss_(fake_logits, noisy_labels(fake_logits, config_.label_fake));
  const Tensor loss = add(real_loss, fake_loss);
  optimizer_d_.zero_grad();
  backward(loss);
  {
    const ScopedPhase phase("optimisers");
    optimizer_d_.step();
  }
  return {loss.detach(), mean_probability(real_logits), mean_probability(fake_logits)};
}

// G makes fakes and learns what would have made D call them real. This is the non-saturating loss: it asks
// for the label of real pictures instead of maximising D's loss on fakes, whose gradient vanishes where D is
// sure of itself (Goodfellow et al., 2014). D is frozen: its weight gradients are not computed.
Tensor Trainer::teach_g(const Tensor& fake) {
  discriminator_.set_requires_grad(false);
  const Tensor fake_logits = discriminator_(fake);
  const Tensor loss = loss_(fake_logits, labels(fake_logits, config_.label_real));
  optimizer_g_.zero_grad();
  backward(loss);
  const ScopedPhase phase("optimisers");
  optimizer_g_.step();
  discriminator_.set_requires_grad(true);
  return loss.detach();
}

// Noise keeps D from growing sure of itself (Salimans et al., "Improved Techniques for Training GANs", 2016,
// smooth labels for the same reason).
Tensor Trainer::noisy_labels(const Tensor& logits, double label) {
  const Tensor target = labels(logits, label);
  if (config_.label_noise > 0) label_.fill(target, Uniform{label, label + config_.label_noise});
  return target;
}

// The mean probability of being real, whichever of the labels stands for that.
Tensor Trainer::mean_probability(const Tensor& logits) const {
  const NoGrad no_graph;
  return mean(sigmoid(config_.label_real > config_.label_fake ? logits : neg(logits)));
}

Trainer::Trainer(const Config& config, Device device)
    : config_(config),
      device_(device),
      latent_(config.seed, Stream::Latent, device),
      label_(config.seed, Stream::Label, device),
      generator_(config, device),
      discriminator_(config, device),
      optimizer_g_(make_optimizer(generator_, config.optimizer_g)),
      optimizer_d_(make_optimizer(discriminator_, config.optimizer_d)) {
  RandomStream weights(config.seed, Stream::Weights, device);
  for (Network* network : std::initializer_list<Network*>{&generator_, &discriminator_}) {
    if (config.init_distribution == "glorot_uniform") {
      nn::init_glorot_uniform(*network, weights);
    } else {
      nn::init_normal(*network, config.init_std, weights, config.bn_init_std);
    }
  }
}

std::vector<std::pair<std::string, RandomStream*>> Trainer::random_streams() {
  return {{"latent", &latent_},
          {"label", &label_},
          {"dropout_G", &generator_.dropout()},
          {"dropout_D", &discriminator_.dropout()}};
}

Tensor Trainer::draw_z(int64_t count) { return gan::draw_z(latent_, count, config_, device_); }

Tensor Trainer::fixed_z() const {
  RandomStream stream(config_.seed, Stream::FixedLatent, device_);
  return gan::draw_z(stream, config_.sample_count, config_, device_);
}

Tensor draw_z(RandomStream& stream, int64_t count, const Config& config, Device device) {
  const ScopedPhase phase("data");
  const Tensor z = Tensor::empty({count, config.z_dim}, DType::Float32, device);
  stream.fill(z, config.latent == "normal" ? Distribution(Normal{0, 1}) : Distribution(Uniform{-1, 1}));
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
