// One device's queue of work: kernels and copies run in the order they were given, while the host goes on.
//
// There is a second lane, for work that may run beside what follows it: begun behind all that was given so
// far, it is in order with itself alone until join().
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "cuda/errors.h"
#include "cuda/launch.h"

namespace duel::cuda {

class Queue {
 public:
  /// `code` is the compute capability that the code was compiled for which the device runs, 90 for 9.0: the
  /// device's own, or one before it of which this build has code.
  Queue(int device, int code);
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  /// What kernels can count on: see the constructor.
  int code() const { return code_; }
  /// "NVIDIA H100 80GB HBM3, compute capability 9.0, 132 multiprocessors, 79 GiB".
  std::string description() const;
  /// The stream that work goes to; makes its device the current one of this thread, as launches and library
  /// calls need it.
  cudaStream_t stream() const {
    DUEL_CUDA(cudaSetDevice(device_));
    return lanes_[lane_].stream;
  }
  /// Waits until all that was given so far is done; the second lane must be joined.
  void synchronize() const { DUEL_CUDA(cudaStreamSynchronize(stream())); }

  static constexpr int lane_count = 2;
  /// Which lane work goes to now. What one launch leaves for the next one must be there once for each.
  int lane() const { return lane_; }
  /// Whether the second lane is to be used: not where DUEL_NO_BESIDE=1 is in the environment.
  bool has_second_lane() const { return has_second_lane_; }
  /// Gives what `work` calls for to the second lane.
  void beside(const std::function<void()>& work);
  /// Whether the second lane was given work since the last join().
  bool forked() const { return forked_; }
  /// From here on the first lane is behind the second.
  void join();
  /// From here on each lane is behind what the other was given before.
  void meet();

  /// The number of blocks of `block_threads` threads that the device runs at once.
  int64_t resident_blocks() const { return resident_blocks_; }

  int64_t multiprocessors() const { return multiprocessors_; }

  /// Whether four warps can multiply together: compute capability 9.0, and built for it. Its instructions are
  /// not those of later cards.
  bool has_warpgroups() const {
#ifdef DUEL_WARPGROUPS
    return has_warpgroups_;
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
    config.numAttrs = overlapping_ && !std::exchange(lanes_[lane_].waits, false) ? 1 : 0;
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
  int device_, code_;
  int compute_capability_ = 0;  // of the device
  int64_t multiprocessors_ = 0, resident_blocks_ = 0;
  bool has_warpgroups_ = false;
  bool overlapping_ = false;  // kernels may begin before those before them have ended

  struct Lane {
    cudaStream_t stream = nullptr;
    cudaEvent_t reached = nullptr;  // what the other lane waits for
    mutable bool waits = false;     // for the other lane: what comes next may not begin early
  };
  /// Lets `to` wait for all that `from` was given.
  void wait(Lane& to, const Lane& from);

  Lane lanes_[lane_count];
  int lane_ = 0;
  bool has_second_lane_ = true, forked_ = false;
};

}  // namespace duel::cuda
