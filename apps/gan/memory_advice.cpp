#include "apps/gan/memory_advice.h"

#include <algorithm>

#include "apps/gan/iteration.h"
#include "lib/allocator.h"
#include "lib/error.h"
#include "lib/kernels.h"

namespace duel::gan {
namespace {

/// The most that an iteration has in use beside the networks and their optimisers, bytes.
int64_t iteration_bytes(Config config, int64_t batch_size, Device device) {
  config.batch_size = batch_size;
  Trainer trainer(config, device);
  CachingAllocator& allocator = kernels(device).allocator();
  const int64_t before = allocator.stats().bytes_in_use;
  allocator.begin_report();
  Iteration iteration(trainer, false);
  iteration.pictures().fill(0);
  iteration.run().wait();
  int64_t peak = 0;
  for (const auto& [phase, bytes] : allocator.peak_by_phase()) peak += bytes;
  return peak - before;
}

}  // namespace

std::string advice_for_memory(const Config& config, Device device) {
  constexpr int64_t small = 2, larger = 6;  // batch norm needs two
  constexpr double usable = 0.9;            // the rest goes into blocks that no longer fit a request
  CachingAllocator& allocator = kernels(device).allocator();
  try {
    const int64_t one = iteration_bytes(config, small, device), two = iteration_bytes(config, larger, device);
    const double for_one = static_cast<double>(two - one) / (larger - small),
                 fixed = static_cast<double>(one) - small * for_one;
    allocator.trim();
    const auto room = allocator.room();
    if (!room || for_one <= 0) return "";
    const auto most = static_cast<int64_t>((usable * static_cast<double>(room->free) - fixed) / for_one);
    const int64_t fits = std::min(most, config.batch_size - 1);
    return fits >= small ? concat(" (--batch-size ", fits, " would fit)") : " (none would fit)";
  } catch (const OutOfMemory&) {
    return " (none would fit)";
  }
}

}  // namespace duel::gan
