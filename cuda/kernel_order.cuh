// Kernels that begin before those before them have ended.
#pragma once

#include <cuda_runtime.h>

namespace duel::cuda {

/// The first statement of every kernel; does nothing before compute capability 9.0.
///
/// Queue::launch() allows a kernel to begin as soon as the last blocks of the one before it have ended, while
/// what they wrote may still be on its way; then it has to wait here, before it reads or writes memory. The
/// wait ends when all of that is there. As the one before waited for its own predecessor first of all, so
/// have all before it. Copies and fills neither begin early nor allow it, and a library's kernel that does
/// either has to wait as well, as it does not know what is before it.
///
/// A kernel could also let the next one begin when its own blocks have begun. But then the next one's blocks
/// come to lie where some of these end first, several on one multiprocessor, instead of one on each: on an
/// H200 a training iteration took 6 to 21 % longer.
///
/// So arrays may still change when a kernel has begun. One that is only read must not be declared
/// __restrict__, or nvcc takes it for constant: to be read at any time, even before this call, and by way of
/// a cache that misses changes. On what is written the word does no harm. scripts/cuda_resources.py checks
/// that neither happens.
__device__ inline void begin_kernel() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  cudaGridDependencySynchronize();
#endif
}

}  // namespace duel::cuda
