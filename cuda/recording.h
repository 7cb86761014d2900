// A CUDA graph of what a stream was given.
#pragma once

#include <cuda_runtime.h>

#include <functional>
#include <memory>
#include <utility>

#include "cuda/queue.h"
#include "lib/allocator.h"
#include "lib/kernels.h"

namespace duel::cuda {

/// Records work on one queue, and holds the allocator to keeping the addresses in it apart while there are
/// recordings.
class Recorder {
 public:
  /// `join` puts the first lane behind the second, and ends what the allocator holds for it.
  Recorder(Queue& queue, CachingAllocator& allocator, std::function<void()> join)
      : queue_(queue), allocator_(allocator), join_(std::move(join)) {}

  std::unique_ptr<Kernels::Recording> record(const std::function<void()>& work);
  /// Throws Error if work is being recorded: `what` waits for the device, or reads what it has not computed.
  void check_not_recording(const char* what) const;
  /// Whether work is being recorded, or there are recordings.
  bool in_use() const { return recording_ || graphs_ > 0; }

 private:
  class Capture;
  class Graph;

  Queue& queue_;
  CachingAllocator& allocator_;
  std::function<void()> join_;
  bool recording_ = false;
  int graphs_ = 0;
};

}  // namespace duel::cuda
