#include "benchmarks/training_iteration.h"

#include <algorithm>
#include <cmath>

#include "apps/gan/training_run.h"
#include "lib/allocator.h"
#include "lib/error.h"
#include "lib/kernels.h"
#include "lib/philox.h"
#include "lib/profile.h"
#include "ops/cpu/gemm_scratch.h"

namespace duel::bench {
namespace {

constexpr int64_t batches = 4;

}  // namespace

RandomPictures::RandomPictures(int64_t count, int64_t image_size, int64_t channels)
    : count_(count),
      image_size_(image_size),
      channels_(channels),
      bytes_(static_cast<size_t>(count * image_size * image_size * channels)) {
  PhiloxWalk walk(0, static_cast<uint64_t>(Stream::Test));
  for (uint8_t& byte : bytes_) byte = static_cast<uint8_t>(walk.word() >> 24);
}

void RandomPictures::read(int64_t index, uint8_t* pixels) const {
  const int64_t size = image_size_ * image_size_ * channels_;
  std::copy_n(bytes_.data() + index * size, size, pixels);
}

TrainingIteration::TrainingIteration(const gan::Config& config, Device device)
    : trainer_(config, device),
      flops_(2 * static_cast<double>(gan::multiply_adds_per_iteration(trainer_))),
      pictures_(batches * config.batch_size, config.image_size, config.channels),
      loader_(pictures_, {.batch_size = config.batch_size}) {}

void TrainingIteration::run() {
  const gan::Config& c = trainer_.config();
  const Device device = trainer_.device();
  ScopedPhase phase("data");
  const Shape shape{c.batch_size, c.image_size, c.image_size, c.channels};
  const Tensor real = Tensor::empty(shape, DType::Float32, device);
  kernels(device).pixels_to_float(Tensor::from(loader_.next().pixels, shape, device), real);
  const gan::DStep d = trainer_.d_step(real, trainer_.draw_z(c.batch_size));
  const Tensor g = trainer_.g_step(trainer_.draw_z(c.batch_size));
  const double d_loss = d.loss.item(), g_loss = g.item();
  check(std::isfinite(d_loss) && std::isfinite(g_loss), "the losses are ", d_loss, " (D) and ", g_loss,
        " (G): the iteration computes nonsense");
}

int64_t kept_bytes(Device device) {
  const CachingAllocator::Stats stats = kernels(device).allocator().stats();
  return stats.bytes_in_use + stats.bytes_cached + cpu::scratch_bytes();
}

}  // namespace duel::bench
