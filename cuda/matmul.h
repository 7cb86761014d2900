// The matrix product by cuBLAS.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cuda/device_allocator.h"
#include "cuda/queue.h"
#include "lib/kernels.h"

namespace duel::cuda {

class Blas {
 public:
  Blas(const Queue& queue, CachingAllocator& allocator);
  ~Blas();

  void set_precision(Precision precision);

  /// y (m, n) = op(a) op(b) or +=, all row-major and contiguous; op(a) is (m, k), op(b) is (k, n). `In` and
  /// `Out` are float, double or BFloat16, and the same, or BFloat16 and float.
  template <class In, class Out>
  void matmul(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const In* a, const In* b,
              Out* y, Write write) const;

  /// "cuBLAS 13.1.0".
  std::string description() const;

 private:
  struct Lane;
  const Lane& lane() const;

  const Queue& queue_;
  CachingAllocator& allocator_;
  mutable std::unique_ptr<Lane> lanes_[Queue::lane_count];  // each made at its first use
  Precision precision_ = Precision::Float32;
};

}  // namespace duel::cuda
