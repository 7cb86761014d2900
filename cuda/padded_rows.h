// A weight as the products without a stored matrix fetch it.
#pragma once

#include <optional>

#include "cuda/device_allocator.h"
#include "cuda/queue.h"
#include "lib/bfloat16.h"

namespace duel::cuda {

/// The rows of a bfloat16 weight (rows, columns), each beginning on 16 bytes, for the work queued while it
/// lives: the weight itself, or a copy whose rows are filled up with zeros.
class PaddedRows {
 public:
  PaddedRows(const Queue& queue, CachingAllocator& allocator, const BFloat16* weight, int64_t rows,
             int64_t columns);

  const BFloat16* data() const { return data_; }
  /// Elements from one row to the next.
  int64_t pitch() const { return pitch_; }

 private:
  std::optional<Scratch<BFloat16>> copy_;
  const BFloat16* data_;
  int64_t pitch_;
};

}  // namespace duel::cuda
