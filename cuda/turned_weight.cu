// A block turns a square of one tap by way of shared memory, so that it reads and writes whole runs of
// neighbours. Memory is the limit.
#include "cuda/instructions.cuh"
#include "cuda/kernel_order.cuh"
#include "cuda/map.cuh"
#include "cuda/turned_weight.h"
#include "lib/launch.h"

namespace duel::cuda {
namespace {

constexpr int side = 32;

struct ToTf32 {
  __device__ float operator()(float x) const { return rounded_to_tf32(x); }
};

/// Block (tap, square of oc, square of ic), the last the fastest.
__global__ void __launch_bounds__(block_threads)
    turn_kernel(int taps, int oc, int ic, const float* weight, float* __restrict__ turned) {
  begin_kernel();
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  constexpr int lines = block_threads / side;
  __shared__ float square[side][side + 1];  // one more, so that a column lies in different banks
  const int across = static_cast<int>(ceil_divide(ic, side)), down = static_cast<int>(ceil_divide(oc, side));
  const int block = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  const int first_i = block % across * side, first_o = block / across % down * side,
            tap = block / across / down, beside = thread % side;
  for (int line = thread / side; line < side; line += lines) {
    const int o = first_o + line, i = first_i + beside;
    if (o < oc && i < ic) square[line][beside] = weight[(static_cast<int64_t>(o) * taps + tap) * ic + i];
  }
  __syncthreads();
  for (int line = thread / side; line < side; line += lines) {
    const int i = first_i + line, o = first_o + beside;
    if (o < oc && i < ic)
      turned[(static_cast<int64_t>(i) * taps + tap) * oc + o] = rounded_to_tf32(square[beside][line]);
  }
#endif
}

}  // namespace

TurnedWeight::TurnedWeight(const Queue& queue, CachingAllocator& allocator, const Conv2dShape& s,
                           const float* weight)
    : copy_(allocator, s.oc * s.gemm_k()) {
  queue.launch(s.kh * s.kw * ceil_divide(s.oc, side) * ceil_divide(s.ic, side), block_threads, turn_kernel,
               static_cast<int>(s.kh * s.kw), static_cast<int>(s.oc), static_cast<int>(s.ic), weight,
               copy_.data());
}

RoundedWeight::RoundedWeight(const Queue& queue, CachingAllocator& allocator, int64_t count,
                             const float* weight)
    : copy_(allocator, count) {
  map(queue, count, ToTf32{}, Write::Set, copy_.data(), weight);
}

}  // namespace duel::cuda
