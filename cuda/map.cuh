// y[i] = f(x0[i], x1[i], ...): the one kernel behind everything that works element by element.
//
// It does next to no arithmetic: the bandwidth of memory is its limit. A thread moves 16 bytes of each array
// at a time and neighbouring threads neighbouring 16 bytes, so that a warp's access is four whole lines of
// 128 bytes. The grid is what the device runs at once; its threads stride over the rest, so whatever is set
// up once a thread is paid once. An array that does not begin on 16 bytes sends the whole range, as the
// remainder after the last pack otherwise, element by element.
//
// f is called as f(x0, x1, ...), with what is to be calculated with (lib/bfloat16.h). Parameters that lie on
// the device are read once a thread: an f with a member bind() stands for what bind() returns there.
#pragma once

#include "cuda/kernel_order.cuh"
#include "cuda/pack.cuh"
#include "cuda/queue.h"
#include "lib/write.h"

namespace duel::cuda {

template <class F>
__device__ auto bound(const F& f) {
  if constexpr (requires { f.bind(); }) {
    return f.bind();
  } else {
    return f;
  }
}

/// map() converts.
struct Itself {
  template <class T>
  DUEL_HOST_DEVICE T operator()(T x) const {
    return x;
  }
};

template <int width, class T, class F, class... In>
__device__ Pack<T, width> map_pack(const F& f, const Pack<In, width>&... x) {
  Pack<T, width> y;
#pragma unroll
  for (int i = 0; i < width; ++i) y.lane[i] = static_cast<T>(f(x.lane[i]...));
  return y;
}

template <class T, class F, class... In>
__global__ void __launch_bounds__(block_threads)
    map_kernel(int64_t packs, int64_t elements, F f, bool add, T* y, const In*... x) {
  begin_kernel();
  constexpr int width = pack_width<T>;
  const auto [first, step] = thread_items(blockIdx.x, static_cast<int>(threadIdx.x), gridDim.x);
  const auto g = bound(f);
  for (int64_t i = first; i < packs; i += step)
    store_pack<width>(y, i, map_pack<width, Computed<T>>(g, load_pack<width>(x, i)...), add);
  for (int64_t i = packs * width + first; i < elements; i += step)
    store_pack<1>(y, i, map_pack<1, Computed<T>>(g, load_pack<1>(x, i)...), add);
}

/// y[i] = f(x[i]...) or += for i in 0 .. n-1; y may be one of the x.
template <class T, class F, class... In>
void map(const Queue& queue, int64_t n, const F& f, Write write, T* y, const In*... x) {
  constexpr int width = pack_width<T>;
  const bool aligned = aligned_to_pack<width>(y) && (aligned_to_pack<width>(x) && ...);
  const int64_t packs = aligned ? n / width : 0, single = n - packs * width;
  queue.launch(blocks_for(packs > single ? packs : single, queue.resident_blocks()), block_threads,
               map_kernel<T, F, In...>, packs, n, f, write == Write::Add, y, x...);
}

}  // namespace duel::cuda
