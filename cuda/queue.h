// One device's queue of work: kernels and copies run in the order they were given, while the host goes on.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <string>

#include "cuda/errors.h"
#include "lib/launch.h"

namespace duel::cuda {

class Queue {
 public:
  explicit Queue(int device);
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  /// 90 for 9.0.
  int compute_capability() const { return compute_capability_; }
  /// "NVIDIA H100 80GB HBM3, compute capability 9.0, 132 multiprocessors, 79 GiB".
  std::string description() const;
  /// The stream; makes its device the current one of this thread, as launches and library calls need it.
  cudaStream_t stream() const {
    DUEL_CUDA(cudaSetDevice(device_));
    return stream_;
  }
  /// Waits until all that was given so far is done.
  void synchronize() const { DUEL_CUDA(cudaStreamSynchronize(stream())); }

  /// The number of blocks of `block_threads` threads that the device runs at once.
  int64_t resident_blocks() const { return resident_blocks_; }

  int64_t multiprocessors() const { return multiprocessors_; }

  /// Whether four warps can multiply together: compute capability 9.0, and built for it. Its instructions are
  /// not those of later cards.
  bool has_warpgroups() const {
#ifdef DUEL_WARPGROUPS
    return compute_capability_ == 90;
#else
    return false;
#endif
  }

  /// Runs `kernel`, which calls begin_kernel() (cuda/kernel_order.cuh) first of all, in `blocks` blocks
  /// (none: nothing is done) of `threads` threads.
  template <class... Parameters, class... Arguments>
  void launch(int64_t blocks, int threads, void (*kernel)(Parameters...),
              const Arguments&... arguments) const {
    launch(blocks, threads, 0, kernel, arguments...);
  }
  /// The same with `shared_bytes` of shared memory for each block, beside what the kernel declares.
  template <class... Parameters, class... Arguments>
  void launch(int64_t blocks, int threads, int shared_bytes, void (*kernel)(Parameters...),
              const Arguments&... arguments) const {
    constexpr int without_asking = 48 << 10;
    if (blocks == 0) return;
    cudaLaunchAttribute early{};
    early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    early.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config{};
    config.attrs = &early;
    config.numAttrs = overlapping_ ? 1 : 0;
    config.dynamicSmemBytes = static_cast<size_t>(shared_bytes);
    config.gridDim = dim3(static_cast<unsigned>(blocks));
    config.blockDim = dim3(static_cast<unsigned>(threads));
    config.stream = stream();
    if (shared_bytes > without_asking) {
      DUEL_CUDA(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                     cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
    }
    DUEL_CUDA(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...));
  }

 private:
  int device_;
  int compute_capability_ = 0;
  int64_t multiprocessors_ = 0, resident_blocks_ = 0;
  bool overlapping_ = false;  // kernels may begin before those before them have ended
  cudaStream_t stream_ = nullptr;
};

}  // namespace duel::cuda
