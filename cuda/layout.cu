// Kernels that move elements without changing them: one thread an element, in the order in which they are
// written. Bandwidth is the limit; the reads of a permutation are scattered, but neighbouring threads soon
// come back to the same lines, which the caches hold meanwhile.
#include <limits>

#include "cuda/cuda_kernels.h"
#include "cuda/kernel_order.cuh"
#include "cuda/pack.cuh"
#include "lib/launch.h"
#include "lib/placement.h"

namespace duel::cuda {
namespace {

template <class T, class Placement>
__global__ void __launch_bounds__(block_threads)
    move_kernel(int64_t n, const __grid_constant__ Placement placement, bool add, const T* x,
                T* __restrict__ y) {
  begin_kernel();
  const auto [first, step] = thread_items(blockIdx.x, static_cast<int>(threadIdx.x), gridDim.x);
  for (int64_t i = first; i < n; i += step) {
    const Pack<Computed<T>, 1> value = load_pack<1>(x, placement.source(i));
    store_pack<1>(y, placement.target(i), value, add);
  }
}

template <class Placement>
void move(const Queue& queue, int64_t n, const Placement& placement, const Tensor& x, const Tensor& y,
          Write write) {
  dispatch_stored_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    queue.launch(blocks_for(n, queue.resident_blocks()), block_threads, move_kernel<T, Placement>, n,
                 placement, write == Write::Add, x.data<T>(), y.data<T>());
  });
}

}  // namespace

void CudaKernels::permute(const Tensor& x, std::span<const int> dims, const Tensor& y, Write write) {
  if (y.numel() <= std::numeric_limits<int>::max()) {
    move(queue_, y.numel(), PermutePlacement<Divisor>(x.shape(), dims), x, y, write);
  } else {
    move(queue_, y.numel(), PermutePlacement<WideDivisor>(x.shape(), dims), x, y, write);
  }
}

void CudaKernels::copy_runs(const Runs& runs, const Tensor& x, const Tensor& y, Write write) {
  const RunPlacement placement{runs};
  move(queue_, placement.elements(), placement, x, y, write);
}

}  // namespace duel::cuda
