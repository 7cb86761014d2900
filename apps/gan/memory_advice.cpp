#include "apps/gan/memory_advice.h"

#include <algorithm>

#include "apps/gan/iteration.h"
#include "lib/allocator.h"
#include "lib/error.h"
#include "lib/kernels.h"

namespace duel::gan {
namespace {

int64_t held_bytes(const CachingAllocator& allocator) {
  const CachingAllocator::Stats stats = allocator.stats();
  return stats.bytes_in_use + stats.bytes_cached;
}

/// What iterations take of the device beside the networks and their optimisers, recordings and blocks that
/// fit no other request included.
int64_t iteration_bytes(Config config, int64_t batch_size, Device device) {
  config.batch_size = batch_size;
  Trainer trainer(config, device);
  CachingAllocator& allocator = kernels(device).allocator();
  allocator.trim();
  const int64_t before = held_bytes(allocator);
  Iteration iteration(trainer, true);
  iteration.pictures().fill(0);
  for (int i = 0; i < 3; ++i) iteration.run().wait();  // the third one is recorded
  return held_bytes(allocator) - before;
}

}  // namespace

std::string advice_for_memory(const Config& config, const Dataset& data, Device device) {
  constexpr int64_t small = 2, larger = 6;  // batch norm needs two
  constexpr double usable = 0.9;            // the rest goes into blocks that no longer fit a request
  Kernels& k = kernels(device);
  k.join_after_failure();  // what was being computed when memory ran out may hold some back
  CachingAllocator& allocator = k.allocator();
  try {
    const int64_t of_small = iteration_bytes(config, small, device),
                  of_larger = iteration_bytes(config, larger, device);
    const double a_picture = static_cast<double>(of_larger - of_small) / (larger - small),
                 fixed = static_cast<double>(of_small) - small * a_picture;
    allocator.trim();
    const auto room = allocator.room();
    if (!room || a_picture <= 0) return " (--batch-size)";
    const int64_t set = data.size() * data.picture_bytes(),
                  free = room->free - (2 * set > room->free ? 0 : set);
    const auto most = static_cast<int64_t>((usable * static_cast<double>(free) - fixed) / a_picture);
    const int64_t fits = std::min(most, config.batch_size - 1);
    return fits >= small ? concat(" (--batch-size ", fits, " would fit)") : " (none would fit)";
  } catch (const OutOfMemory&) {
    return " (none would fit)";
  }
}

}  // namespace duel::gan
