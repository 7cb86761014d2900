// An iteration of a GAN (Goodfellow et al., "Generative Adversarial Nets", 2014): D learns to tell real
// pictures from G's, then G learns to be taken for real by that D.
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

// ---- an iteration ----

std::pair<DStep, Tensor> Trainer::step(const Tensor& real) {
  if (kernels(device_).runs_beside()) return step_beside(real);
  const int64_t count = real.dim(0);
  const Tensor z_d = draw_z(count), z_g = draw_z(count);
  const DStep d = d_step(real, z_d);
  return {d, g_step(z_g)};
}

// ---- D's step ----

DStep Trainer::d_step(const Tensor& real, const Tensor& z) {
  const ScopedPhase phase("D");
  return teach_d(real, fakes(z));
}

/// Pictures to show D, from which G does not learn.
Tensor Trainer::fakes(const Tensor& z) {
  const NoGrad g_is_not_learning;
  return generator_.forward_uncast(z);
}

// D is shown real pictures and fakes, and learns to tell them apart by their labels.
DStep Trainer::teach_d(const Tensor& real, const Tensor& fake) {
  optimizer_d_.zero_grad();
  const bool together = kernels(device_).joins_batches() && real.dim(0) == fake.dim(0);
  const DStep seen = together ? learn_from_both(real, fake) : learn_from(real, fake);
  const ScopedPhase phase("optimisers");
  optimizer_d_.step();
  return seen;
}

// One after the other, as to batch norm they are two batches, each normalised by its own statistics.
DStep Trainer::learn_from(const Tensor& real, const Tensor& fake) {
  ScopedPhase phase("D real");
  const Tensor real_logits = discriminator_(real);
  phase.change("D fake");
  const Tensor fake_logits = discriminator_(fake);
  phase.change("D");
  const Tensor real_loss = loss_(real_logits, noisy_labels(real.dim(0), 0));
  const Tensor fake_loss = loss_(fake_logits, noisy_labels(0, fake.dim(0)));
  const Tensor loss = add(real_loss, fake_loss);
  backward(loss);
  return {loss.detach(), mean_probability(real_logits), mean_probability(fake_logits)};
}

// ---- G's step ----

Tensor Trainer::g_step(const Tensor& z) {
  const ScopedPhase phase("G");
  return teach_g(generator_.forward_uncast(z));
}

// G makes fakes and learns what would have made D call them real. This is the non-saturating loss: it asks
// for the label of real pictures instead of maximising D's loss on fakes, whose gradient vanishes where D is
// sure of itself (Goodfellow et al., 2014). D is frozen: its weight gradients are not computed.
Tensor Trainer::teach_g(const Tensor& fake) {
  const nn::Frozen d_is_frozen(discriminator_);
  const Tensor fake_logits = discriminator_(fake);
  const Tensor loss = loss_(fake_logits, labels(fake.dim(0), 0));
  optimizer_g_.zero_grad();
  backward(loss);
  const ScopedPhase phase("optimisers");
  optimizer_g_.step();
  return loss.detach();
}

// ---- labels ----

/// What D should say of so many real pictures, then of so many fakes: (real + fake, 1).
Tensor Trainer::labels(int64_t real, int64_t fake) const {
  // The last of labels_' real ones and the first of its fake ones.
  const int64_t batch = labels_.dim(0) / 2;
  if (std::max(real, fake) <= batch) return labels_.rows(batch - real, real + fake);
  const Tensor more = Tensor::full({real + fake, 1}, config_.label_real, DType::Float32, device_);
  more.rows(real, fake).fill(config_.label_fake);
  return more;
}

// Noise keeps D from growing sure of itself (Salimans et al., "Improved Techniques for Training GANs", 2016,
// smooth labels for the same reason).
Tensor Trainer::noisy_labels(int64_t real, int64_t fake) {
  const double noise = config_.label_noise;
  if (noise == 0) return labels(real, fake);
  const Tensor noisy = Tensor::empty({real + fake, 1}, DType::Float32, device_);
  const auto draw = [&](const Tensor& part, double label) {
    if (part.numel() > 0) label_.fill(part, Uniform{label, label + noise});
  };
  draw(noisy.rows(0, real), config_.label_real);
  draw(noisy.rows(real, fake), config_.label_fake);
  return noisy;
}

// The mean probability of being real, whichever of the labels stands for that.
Tensor Trainer::mean_probability(const Tensor& logits) const {
  const NoGrad no_graph;
  return mean(sigmoid(config_.label_real > config_.label_fake ? logits : neg(logits)));
}

// ---- the same with less waiting, on a card ----

DStep Trainer::learn_from_both(const Tensor& real, const Tensor& fake) {
  // In one pass: the sum of two means over N is twice the mean over all 2 N.
  ScopedPhase phase("D real, fake");
  const int64_t count = real.dim(0);
  const Tensor logits = discriminator_.both(real, fake);
  phase.change("D");
  const Tensor loss = loss_(logits, noisy_labels(count, count));
  DStep seen;
  kernels(device_).beside([&] {  // nothing waits for it
    const Tensor half = loss.detach();
    seen = {add(half, half), mean_probability(logits.detach().rows(0, count)),
            mean_probability(logits.detach().rows(count, count))};
  });
  backward(loss, Tensor::full(loss.shape(), 2, loss.dtype(), loss.device()));
  return seen;
}

// Both steps on the next latents; G makes the fakes of its own step as D's begins.
std::pair<DStep, Tensor> Trainer::step_beside(const Tensor& real) {
  const int64_t count = real.dim(0);
  Kernels& k = kernels(device_);
  const Tensor z_d = draw_z(count);
  try {
    ScopedPhase phase("D");
    const Tensor fake = fakes(z_d);
    phase.change("G");
    Tensor fake_of_g;
    k.beside([&] { fake_of_g = generator_.forward_uncast(draw_z(count)); });
    phase.change("D");
    const DStep d = teach_d(real, fake);
    phase.change("G");
    return {d, teach_g(fake_of_g)};
  } catch (...) {
    k.join_after_failure();  // or what G was given would still run beside whatever comes next
    throw;
  }
}

// ---- what is trained ----

Trainer::Trainer(const Config& config, Device device)
    : config_(config),
      device_(device),
      latent_(config.seed, Stream::Latent, device),
      label_(config.seed, Stream::Label, device),
      generator_(config, device),
      discriminator_(config, device),
      optimizer_g_(make_optimizer(generator_, config.optimizer_g)),
      optimizer_d_(make_optimizer(discriminator_, config.optimizer_d)),
      labels_(Tensor::full({2 * config.batch_size, 1}, config.label_real, DType::Float32, device)) {
  labels_.rows(config.batch_size, config.batch_size).fill(config.label_fake);
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
  const nn::Evaluating evaluating(generator);
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
  return pictures;
}

}  // namespace duel::gan
