// The duel: one step of D, one step of G. Read trainer.cpp first.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "apps/gan/config.h"
#include "apps/gan/networks.h"
#include "lib/optim.h"
#include "lib/random.h"
#include "ops/losses.h"

namespace duel::gan {

/// What one step of D saw; each tensor holds one number.
struct DStep {
  Tensor loss;    ///< BCE over the real pictures plus BCE over the fakes, each against its labels
  Tensor d_real;  ///< mean D(x): the probability that D gives to real pictures
  Tensor d_fake;  ///< mean D(G(z)): the one it gives to fakes
};

/// The loss of logits against the labels that they should have, both (N, 1): shape (). A mean over the N, as
/// real pictures and fakes may be given to it together.
using LossFunction = Tensor (*)(const Tensor& logits, const Tensor& labels);

class Trainer {
 public:
  /// Networks initialised from the seed, on `device`. The configuration has been checked.
  explicit Trainer(const Config& config, Device device = {});

  /// One update of D on pictures (N, S, S, channels) in [-1, 1] and the fakes of z (N, z_dim).
  DStep d_step(const Tensor& real, const Tensor& z);
  /// One update of G on z (N, z_dim); its loss.
  Tensor g_step(const Tensor& z);
  /// Both on the next latents, one after the other: D's on as many as there are real pictures, then G's on as
  /// many. Where the device runs work side by side, G makes the fakes of its own step meanwhile, as D's step
  /// does not change G.
  std::pair<DStep, Tensor> step(const Tensor& real);

  /// The next `count` latents.
  Tensor draw_z(int64_t count);
  /// The latents behind the grid of each epoch: the same for a seed, whenever asked.
  Tensor fixed_z() const;

  /// Takes the place of bce_with_logits(). No checkpoint knows of it.
  void set_loss(LossFunction loss) { loss_ = loss; }

  const Config& config() const { return config_; }
  Device device() const { return device_; }
  Generator& generator() { return generator_; }
  Discriminator& discriminator() { return discriminator_; }
  Optimizer& optimizer_g() { return optimizer_g_; }
  Optimizer& optimizer_d() { return optimizer_d_; }
  /// All that training draws from, each by its name in a checkpoint.
  std::vector<std::pair<std::string, RandomStream*>> random_streams();

 private:
  std::pair<DStep, Tensor> step_beside(const Tensor& real);
  Tensor fakes(const Tensor& z);
  DStep teach_d(const Tensor& real, const Tensor& fake);
  DStep learn_from(const Tensor& real, const Tensor& fake);
  DStep learn_from_both(const Tensor& real, const Tensor& fake);
  Tensor teach_g(const Tensor& fake);
  Tensor labels(int64_t real, int64_t fake) const;
  Tensor noisy_labels(int64_t real, int64_t fake);
  Tensor mean_probability(const Tensor& logits) const;

  Config config_;
  Device device_;
  RandomStream latent_, label_;
  Generator generator_;
  Discriminator discriminator_;
  Optimizer optimizer_g_, optimizer_d_;
  LossFunction loss_ = bce_with_logits;
  Tensor labels_;  // of a batch of real pictures, then of a batch of fakes
};

/// The next latents (count, z_dim) of `stream`, in the configuration's distribution.
Tensor draw_z(RandomStream& stream, int64_t count, const Config& config, Device device);

/// The pictures of z, by G in evaluation mode, a few at a time: (N, S, S, channels) in [-1, 1].
Tensor generate(nn::Module& generator, const Tensor& z, int64_t batch_size = 64);

}  // namespace duel::gan
