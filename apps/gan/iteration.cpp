#include "apps/gan/iteration.h"

#include "apps/gan/networks.h"
#include "lib/kernels.h"

namespace duel::gan {
namespace {

constexpr int64_t d_loss = 0, d_real = 1, d_fake = 2, g_loss = 3, numbers = 4;

/// What both networks count on the host.
std::vector<Tensor> counters(Trainer& trainer) {
  std::vector<Tensor> all;
  for (const nn::Module* network :
       std::initializer_list<const nn::Module*>{&trainer.generator(), &trainer.discriminator()}) {
    for (const nn::NamedTensor& part : network->state()) {
      if (part.tensor->dtype() == DType::Int64) all.push_back(*part.tensor);
    }
  }
  return all;
}

}  // namespace

Iteration::Iteration(Trainer& trainer, bool step_graphs)
    : trainer_(trainer),
      step_graphs_(step_graphs),
      pictures_(Tensor::empty(picture_shape(trainer.config(), trainer.config().batch_size), DType::Float32,
                              trainer.device())),
      numbers_(Tensor::zeros({numbers}, DType::Float32, trainer.device())),
      graph_(
          trainer.device(), [this] { return step(); }, counters(trainer)) {}

void Iteration::keep(int64_t number, const Tensor& loss) const {
  numbers_.rows(number, 1).copy_from(loss.view({1}));
}

std::vector<Tensor> Iteration::step() {
  const auto [d, g] = trainer_.step(pictures_);
  keep(d_loss, d.loss);
  keep(d_real, d.d_real);
  keep(d_fake, d.d_fake);
  keep(g_loss, g);
  return {};
}

Iteration::Pending Iteration::run() {
  if (step_graphs_) {
    graph_.run();
  } else {
    step();
  }
  return Pending(kernels(trainer_.device()).start_download(numbers_));
}

Losses Iteration::Pending::wait() const {
  const auto* const values = static_cast<const float*>(download_->data());
  return {values[d_loss], values[d_real], values[d_fake], values[g_loss]};
}

}  // namespace duel::gan
