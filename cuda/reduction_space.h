// What the launches of reductions (rows.cuh) share that come one after the other, in one lane of the queue.
#pragma once

#include "cuda/device_allocator.h"
#include "cuda/queue.h"

namespace duel::cuda {

class ReductionSpace {
 public:
  /// A reduction has about so many blocks at most: two for each multiprocessor of a large card. Not the
  /// device's own number: the result shall not depend on it.
  static constexpr int64_t most_blocks = 256;
  /// Of these, so many share a tile at most, as the last of them to be done reads what all have left.
  static constexpr int64_t most_chunks = 128;
  /// Tiles that several blocks share; two at least.
  static constexpr int64_t most_shared_tiles = most_blocks / 2;
  /// Packs that a thread asks for before it looks at the first. With 256 threads a block it takes this many
  /// on their way for the memory of a large card to be busy.
  static constexpr int packs_ahead = 8;

  ReductionSpace(const Queue& queue, CachingAllocator& allocator)
      : queue_(queue), allocator_(allocator), arrived_(allocator, counters) {
    DUEL_CUDA(cudaMemsetAsync(arrived_.data(), 0, counters * sizeof(int), queue.stream()));
  }

  CachingAllocator& allocator() const { return allocator_; }
  /// Of each tile that several blocks share, how many of them are done: zero between launches.
  int* arrived() const { return arrived_.data() + queue_.lane() * most_shared_tiles; }

 private:
  static constexpr int64_t counters = Queue::lane_count * most_shared_tiles;

  const Queue& queue_;
  CachingAllocator& allocator_;
  Scratch<int> arrived_;
};

}  // namespace duel::cuda
