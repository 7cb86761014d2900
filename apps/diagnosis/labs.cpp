#include "apps/diagnosis/labs.h"

#include <array>

#include "lib/error.h"
#include "ops/activations.h"
#include "ops/arithmetic.h"
#include "ops/reductions.h"

namespace duel::diagnosis {
namespace {

/// Small enough to fail within seconds on one core.
gan::Config small_config() {
  gan::Config config;
  config.g_dim = config.d_dim = 8;
  config.batch_size = 32;
  config.synthetic_count = 1024;
  config.log_every = 8;
  config.epochs = 16;
  return config;
}

gan::Config wider_d() {
  gan::Config config = small_config();
  config.d_dim = 16;
  return config;
}

/// Each step in metrics.csv: what comes before the end is what there is to see.
gan::Config every_step() {
  gan::Config config = small_config();
  config.log_every = 1;
  return config;
}

/// G is wide, and its latents short, so that it soon has a place for each picture.
gan::Config few_pictures() {
  gan::Config config = small_config();
  config.synthetic_count = config.batch_size = 16;
  config.z_dim = 4;
  config.g_dim = 32;
  config.d_dim = 16;
  config.optimizer_g.lr = config.optimizer_d.lr = 3e-4;
  config.epochs = 500;
  return config;
}

/// G's kernels of 3 lie unevenly over each other at a stride of 2, and D's first kernels, of a single pixel,
/// see one pixel of four, so that nothing keeps G from it.
gan::Config uneven_kernels() {
  gan::Config config = small_config();
  for (auto& layer : config.generator) {
    if (layer["type"] == "Sequential")
      layer["layers"][0].update({{"kernel_size", 3}, {"padding", 1}, {"output_padding", 1}});
  }
  config.discriminator[0]["layers"][0].update({{"kernel_size", 1}, {"padding", 0}});
  return config;
}

void scale_rates(gan::Trainer& trainer, double of_g, double of_d) {
  trainer.optimizer_g().set_lr(of_g * trainer.config().optimizer_g.lr);
  trainer.optimizer_d().set_lr(of_d * trainer.config().optimizer_d.lr);
}

void leave(gan::Trainer&) {}
void rush_d(gan::Trainer& trainer) { scale_rates(trainer, 0.1, 10); }
void rush_g(gan::Trainer& trainer) { scale_rates(trainer, 10, 0.1); }

// In evaluation mode batch norm goes by its running statistics, which begin at mean 0 and variance 1 and, as
// nothing trains them, stay there.
void drop_batch_norm(gan::Trainer& trainer) { trainer.generator().eval(); }

/// BCE as the books write it. Once the sigmoid rounds to 1, its complement has no logarithm.
Tensor bce_of_sigmoid(const Tensor& logits, const Tensor& labels) {
  const Tensor p = sigmoid(logits), one = Tensor::full(p.shape(), 1, p.dtype(), p.device());
  return neg(mean(add(mul(labels, log(p)), mul(sub(one, labels), log(sub(one, p))))));
}

void take_logarithms(gan::Trainer& trainer) {
  scale_rates(trainer, 1, 50);
  trainer.set_loss(bce_of_sigmoid);
}

constexpr std::array<Lab, 6> all{{
    {"no-batch-norm", "G has no batch norm", Cause::DHasWon, wider_d, drop_batch_norm},
    {"strong-d", "D learns a hundred times as fast as G", Cause::DHasWon, small_config, rush_d},
    {"collapse", "G learns a hundred times as fast as D", Cause::Collapse, small_config, rush_g},
    {"tiny-data", "16 pictures are all the data there is", Cause::Memorisation, few_pictures, leave},
    {"sigmoid-nan", "the loss is the logarithm of a sigmoid, and D soon sure of itself", Cause::NotANumber,
     every_step, take_logarithms},
    {"checkerboard", "the kernels of G do not fit their stride, and D's first ones skip pixels",
     Cause::Checkerboard, uneven_kernels, leave},
}};

}  // namespace

std::span<const Lab> labs() { return all; }

const Lab& find_lab(std::string_view name) {
  std::string names;
  for (const Lab& lab : all) {
    if (name == lab.name) return lab;
    names += (names.empty() ? "" : ", ") + std::string(lab.name);
  }
  fail("there is no lab '", name, "'; there are: ", names);
}

}  // namespace duel::diagnosis
