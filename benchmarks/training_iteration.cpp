#include "benchmarks/training_iteration.h"

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

constexpr size_t batch_count = 4;

std::vector<uint8_t> random_bytes(size_t count, uint64_t seed) {
  PhiloxWalk walk(seed, static_cast<uint64_t>(Stream::Test));
  std::vector<uint8_t> bytes(count);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(walk.word() >> 24);
  return bytes;
}

}  // namespace

TrainingIteration::TrainingIteration(const gan::Config& config, Device device)
    : trainer_(config, device), flops_(2 * static_cast<double>(gan::multiply_adds_per_iteration(trainer_))) {
  const auto bytes =
      static_cast<size_t>(config.batch_size * config.image_size * config.image_size * config.channels);
  for (size_t batch = 0; batch < batch_count; ++batch) batches_.push_back(random_bytes(bytes, batch));
}

void TrainingIteration::run() {
  const gan::Config& c = trainer_.config();
  const Device device = trainer_.device();
  ScopedPhase phase("data");
  const Shape shape{c.batch_size, c.image_size, c.image_size, c.channels};
  const Tensor real = Tensor::empty(shape, DType::Float32, device);
  kernels(device).pixels_to_float(Tensor::from(batches_[next_], shape, device), real);
  next_ = (next_ + 1) % batches_.size();
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
