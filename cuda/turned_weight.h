// A weight as products of warpgroups fetch it in TF32: rounded, as they would only cut off what TF32 has not.
#pragma once

#include "cuda/device_allocator.h"
#include "cuda/queue.h"
#include "lib/conv2d_shape.h"

namespace duel::cuda {

/// A copy of the float32 weight (oc, kh, kw, ic) as (ic, kh, kw, oc), rounded to TF32, for the work queued
/// while it lives: the tensor cores read TF32 along k alone, which runs over oc.
class TurnedWeight {
 public:
  TurnedWeight(const Queue& queue, CachingAllocator& allocator, const Conv2dShape& shape,
               const float* weight);

  const float* data() const { return copy_.data(); }

 private:
  Scratch<float> copy_;
};

/// A copy of so many float32 numbers, rounded to TF32, for the work queued while it lives.
class RoundedWeight {
 public:
  RoundedWeight(const Queue& queue, CachingAllocator& allocator, int64_t count, const float* weight);

  const float* data() const { return copy_.data(); }

 private:
  Scratch<float> copy_;
};

}  // namespace duel::cuda
