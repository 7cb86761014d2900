// A sum whose depth is cut into chunks: the first chunk's part is the result's own memory, the others are
// scratch.
#pragma once

#include <algorithm>
#include <cstdint>

#include "ops/cpu/gemm_scratch.h"
#include "ops/cpu/microkernel.h"

namespace duel::cpu {

class PartialResults {
 public:
  PartialResults(float* result, int64_t size, int64_t count)
      : result_(result),
        size_(size),
        count_(count),
        stride_(Scratch::padded(size)),
        scratch_((count - 1) * stride_),
        partials_(scratch_.take((count - 1) * stride_)) {}

  float* of(int64_t chunk) const { return chunk == 0 ? result_ : partials_ + (chunk - 1) * stride_; }

  /// Adds the others to the first, in their order.
  void add_up(const Microkernels& kernels) const {
    if (count_ == 1) return;
    constexpr int64_t piece = 4096;
#pragma omp parallel for schedule(static)
    for (int64_t begin = 0; begin < size_; begin += piece) {
      const int64_t length = std::min(piece, size_ - begin);
      for (int64_t i = 1; i < count_; ++i) kernels.add_rows(of(i) + begin, 0, 1, length, result_ + begin, 0);
    }
  }

 private:
  float* result_;
  int64_t size_, count_, stride_;
  Scratch scratch_;
  float* partials_;
};

}  // namespace duel::cpu
