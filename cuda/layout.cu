// Kernels that move elements without changing them. Bandwidth is the limit.
//
// A transposition, as between channels-last and channels-first, is made by squares: a thread reads as many
// packs of neighbouring elements as one of them has, and writes them the other way. Any other permutation
// takes one thread an element, in the order in which they are written; its reads are scattered, but
// neighbouring threads soon come back to the same lines, which the caches hold meanwhile.
#include <limits>

#include "cuda/cuda_kernels.h"
#include "cuda/kernel_order.cuh"
#include "cuda/launch.h"
#include "cuda/map.cuh"
#include "cuda/pack.cuh"
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

template <class T, int width>
__global__ void __launch_bounds__(block_threads)
    transpose_kernel(int64_t squares, const __grid_constant__ TransposedSquares places, bool add, const T* x,
                     T* __restrict__ y) {
  begin_kernel();
  const auto [first, step] = thread_items(blockIdx.x, static_cast<int>(threadIdx.x), gridDim.x);
  for (int64_t square = first; square < squares; square += step) {
    const auto [source, target] = places.of(static_cast<int>(square));
    Pack<T, width> rows[width];
#pragma unroll
    for (int i = 0; i < width; ++i)
      rows[i] = *reinterpret_cast<const Pack<T, width>*>(x + source + int64_t{i} * places.columns);
#pragma unroll
    for (int k = 0; k < width; ++k) {
      Pack<T, width> column;
#pragma unroll
      for (int i = 0; i < width; ++i) column.lane[i] = rows[i].lane[k];
      T* const place = y + target + int64_t{k} * places.rows;
      if (add) {
        store_pack<width>(place, 0, computed(column), true);
      } else {
        *reinterpret_cast<Pack<T, width>*>(place) = column;
      }
    }
  }
}

/// Whether it was one that squares of `width` can do, and has `least` of them.
template <class T, int width>
bool transpose(const Queue& queue, const Transposition& t, int64_t least, const T* x, T* y, Write write) {
  const int64_t squares = t.count * (t.rows / width) * (t.columns / width);
  if (squares < least || t.rows % width != 0 || t.columns % width != 0 || !aligned_to_pack<width>(x) ||
      !aligned_to_pack<width>(y) || t.count * t.rows * t.columns > std::numeric_limits<int>::max())
    return false;
  queue.launch(blocks_for(squares, queue.resident_blocks()), block_threads, transpose_kernel<T, width>,
               squares, TransposedSquares(t, width), write == Write::Add, x, y);
  return true;
}

}  // namespace

void CudaKernels::permute(const Tensor& x, std::span<const int> dims, const Tensor& y, Write write) {
  if (const auto t = transposition_of(x.shape(), dims)) {
    bool done = false;
    dispatch_stored_float(x.dtype(), [&](auto type) {
      using T = decltype(type);
      constexpr int width = pack_width<T>;
      const T* const from = x.data<T>();
      T* const to = y.data<T>();
      // Few large squares would leave most of the card's threads without work.
      done = transpose<T, width>(queue_, *t, queue_.resident_blocks() * block_threads, from, to, write);
      if constexpr (width > 2) done = done || transpose<T, width / 2>(queue_, *t, 0, from, to, write);
      done = done || transpose<T, width>(queue_, *t, 0, from, to, write);
    });
    if (done) return;
  }
  if (y.numel() <= std::numeric_limits<int>::max()) {
    move(queue_, y.numel(), PermutePlacement<Divisor>(x.shape(), dims), x, y, write);
  } else {
    move(queue_, y.numel(), PermutePlacement<WideDivisor>(x.shape(), dims), x, y, write);
  }
}

void CudaKernels::copy_runs(const Runs& runs, const Tensor& x, const Tensor& y, Write write) {
  if (runs.count == 1) {
    return dispatch_stored_float(x.dtype(), [&](auto type) {
      using T = decltype(type);
      const T* const from = x.data<T>() + runs.x_start;
      map(queue_, runs.length, Itself{}, write, y.data<T>() + runs.y_start, from);
    });
  }
  const RunPlacement placement{runs};
  move(queue_, placement.elements(), placement, x, y, write);
}

}  // namespace duel::cuda
