#include "benchmarks/training_iteration.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "apps/gan/describe_run.h"
#include "lib/allocator.h"
#include "lib/error.h"
#include "lib/kernels.h"
#include "lib/philox.h"
#include "ops/cpu/gemm_scratch.h"

namespace duel::bench {
namespace {

constexpr int64_t batches = 4;
constexpr size_t most_unread = 8;

}  // namespace

RandomPictures::RandomPictures(int64_t count, int64_t image_size, int64_t channels)
    : count_(count),
      image_size_(image_size),
      channels_(channels),
      bytes_(static_cast<size_t>(count * image_size * image_size * channels)) {
  PhiloxWalk walk(0, static_cast<uint64_t>(Stream::Check));
  for (uint8_t& byte : bytes_) byte = static_cast<uint8_t>(walk.word() >> 24);
}

void RandomPictures::read(int64_t index, uint8_t* pixels) const {
  const int64_t size = image_size_ * image_size_ * channels_;
  std::copy_n(bytes_.data() + index * size, size, pixels);
}

TrainingIteration::TrainingIteration(const gan::Config& config, Device device, bool step_graphs)
    : trainer_(config, device),
      flops_(2 * static_cast<double>(gan::multiply_adds_per_iteration(trainer_))),
      pictures_(batches * config.batch_size, config.image_size, config.channels),
      batches_(gan::make_batches(pictures_, config, device)),
      iteration_(trainer_, step_graphs) {}

void TrainingIteration::run() {
  batches_->next(iteration_.pictures());
  unread_.push_back(iteration_.run());
  while (!unread_.empty() && (unread_.size() > most_unread || unread_.front().arrived())) read_oldest();
}

void TrainingIteration::finish() {
  while (!unread_.empty()) read_oldest();
}

TrainingIteration::Stretch TrainingIteration::run_for(double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  int64_t iterations = 0;
  do {
    run();
    ++iterations;
  } while (elapsed() < seconds);
  finish();
  kernels(trainer_.device()).synchronize();
  return {iterations, elapsed()};
}

void TrainingIteration::read_oldest() {
  const gan::Losses losses = unread_.front().wait();
  unread_.pop_front();
  check(std::isfinite(losses.d_loss) && std::isfinite(losses.g_loss), "the losses are ", losses.d_loss,
        " (D) and ", losses.g_loss, " (G): the iteration computes nonsense");
}

int64_t kept_bytes(Device device) {
  const CachingAllocator::Stats stats = kernels(device).allocator().stats();
  return stats.bytes_in_use + stats.bytes_cached + cpu::scratch_bytes();
}

}  // namespace duel::bench
