#include "apps/gan/describe_run.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "lib/error.h"
#include "lib/kernels.h"

namespace duel::gan {
namespace {

/// Of one network, for one picture.
struct Work {
  int64_t forward = 0;      ///< multiply-adds of the forward
  int64_t first = 0;        ///< those of its first layer: the data gets no gradient
  int64_t activations = 0;  ///< elements of all layers' outputs
};

Work measure(nn::Module& network, const Shape& input) {
  Work work;
  nn::Module::trace(network, input, [&](const nn::Module& layer, const Shape& in, const Shape& out) {
    const int64_t multiply_adds = layer.multiply_adds(in, out);
    if (work.forward == 0) work.first = multiply_adds;
    work.forward += multiply_adds;
    if (layer.children().empty()) work.activations += out.numel();
  });
  return work;
}

struct Works {
  Work g, d;
};

Works measure(Trainer& trainer) {
  const Config& c = trainer.config();
  return {measure(trainer.generator(), {1, c.z_dim}), measure(trainer.discriminator(), picture_shape(c, 1))};
}

}  // namespace

// A layer's backward costs its forward once for the weights and once for its input. D's step: G forward, D
// forward and backward on real and fake, without the gradient of the pictures. G's step: G and D forward,
// through D without the gradients of its weights, G backward without the gradient of z.
int64_t multiply_adds_per_iteration(Trainer& trainer) {
  const auto [g, d] = measure(trainer);
  const int64_t d_step = g.forward + 2 * (3 * d.forward - d.first);
  const int64_t g_step = g.forward + 2 * d.forward + 2 * g.forward - g.first;
  return trainer.config().batch_size * (d_step + g_step);
}

std::string describe_recipe(const Config& c) {
  const auto optimizer = [](const OptimizerConfig& o) {
    const std::string numbers =
        o.type == "RMSprop"
            ? concat("alpha=", o.alpha, ", eps=", o.eps, ", clip_value=", o.clip_value, ", decay=", o.decay)
            : concat("betas=(", o.betas[0], ", ", o.betas[1], "), eps=", o.eps);
    return concat(o.type, "(lr=", o.lr, ", ", numbers, ")");
  };
  std::string kept;
  for (const int64_t step : c.keep_at) kept += concat(kept.empty() ? "; kept after " : ", ", step);
  return concat(
      "pictures: ", c.image_size, "x", c.image_size, "x", c.channels, ", ",
      c.crop > 0 ? concat("the central ", c.crop, "x", c.crop, " of each") : "the central square of each",
      c.hflip ? ", half of them mirrored" : "", c.shuffle ? ", shuffled" : ", in sequence", "\nz: ", c.z_dim,
      " numbers from ", c.latent == "normal" ? "N(0, 1)" : "U(-1, 1)", "\nfirst weights: ",
      c.init_distribution == "normal" ? concat("N(0, ", c.init_std, "^2)") : c.init_distribution,
      c.bn_init_std > 0 ? concat(", batch norm's N(1, ", c.bn_init_std, "^2)") : "",
      "\noptimizer_G: ", optimizer(c.optimizer_g), "\noptimizer_D: ", optimizer(c.optimizer_d),
      "\nloss: ", c.loss, ", labels: real ", c.label_real, ", fake ", c.label_fake,
      c.label_noise > 0 ? concat(", each + ", c.label_noise, " * U(0, 1) for D") : "",
      "\nlength: ", c.steps > 0 ? concat(c.steps, " steps") : concat(c.epochs, " epochs"), ", batch size ",
      c.batch_size, kept, "\n");
}

std::string describe_networks(Trainer& trainer) {
  const Config& c = trainer.config();
  return nn::summary(trainer.generator(), "G", {1, c.z_dim}) +
         nn::summary(trainer.discriminator(), "D", picture_shape(c, 1));
}

std::string describe_work(Trainer& trainer) {
  const int64_t batch = trainer.config().batch_size;
  const auto [g, d] = measure(trainer);
  const int64_t parameters =
      trainer.generator().parameter_count() + trainer.discriminator().parameter_count();
  // Each parameter has a gradient and two numbers of its optimiser: Adam's moments, or RMSprop's mean square
  // and a momentum, which is kept also where it is 0. The larger of the two steps holds one forward of D on
  // real and one on fake, or one of G and one of D.
  const int64_t held = batch * (d.activations + std::max(d.activations, g.activations));
  const double gflop = 2e-9 * static_cast<double>(multiply_adds_per_iteration(trainer));
  char text[160];
  std::snprintf(text, sizeof text,
                "An iteration on %lld pictures takes %.*f GFLOP and about %.0f MB of memory\n",
                static_cast<long long>(batch), gflop < 1 ? 4 : 1, gflop,
                4e-6 * static_cast<double>(4 * parameters + held));
  return text;
}

double expected_seconds(Trainer& trainer, int64_t iterations) {
  const Config& c = trainer.config();
  RandomStream stream(c.seed, Stream::Check, trainer.device());
  const int64_t pictures = std::min<int64_t>(c.batch_size, 64);  // enough to tell
  const Tensor z = draw_z(stream, pictures, c, trainer.device());
  // The first one also finds its memory and wakes the threads.
  generate(trainer.generator(), z, pictures);
  kernels(trainer.device()).synchronize();
  const auto start = std::chrono::steady_clock::now();
  generate(trainer.generator(), z, pictures);
  kernels(trainer.device()).synchronize();
  const double forward = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const int64_t forward_work = pictures * measure(trainer).g.forward;
  return forward * static_cast<double>(multiply_adds_per_iteration(trainer)) /
         static_cast<double>(forward_work) * static_cast<double>(iterations);
}

}  // namespace duel::gan
