// Work on a (rows, columns) array in which each column has parameters or a result of its own: the channels of
// a channels-last picture. Elements with columns: map_rows(). Reductions over the rows: reduce_rows().
//
// Both are limited by the bandwidth of memory. RowTiles (lib/launch.h) says how threads map to data: a warp
// reads up to 512 neighbouring bytes of a row, or several whole rows where they are short, and a thread stays
// with its columns, so their parameters and partial results live in registers.
//
// A reduction takes one launch. A thread takes its rows from first to last, the threads of a column are
// merged as a tree in shared memory, and of the blocks that share a column, the one that is done last merges
// what all of them have left, in double precision and in the order of their rows: which block that is chance
// decides, but not what it computes. So every bit of the result depends on the sizes alone.
#pragma once

#include <algorithm>
#include <bit>

#include "cuda/kernel_order.cuh"
#include "cuda/pack.cuh"
#include "cuda/queue.h"
#include "cuda/reduction_space.h"
#include "lib/write.h"

namespace duel::cuda {

/// Elements of a row that a thread takes at a time: 16 bytes, or four narrower ones, as each of its columns
/// takes registers.
template <class T>
constexpr int row_pack_width = pack_width<T> < 4 ? pack_width<T> : 4;

template <int width, class T, class Column, class... In>
__device__ Pack<T, width> map_columns(const Column* columns, const Pack<In, width>&... x) {
  Pack<T, width> y;
#pragma unroll
  for (int i = 0; i < width; ++i) y.lane[i] = columns[i](x.lane[i]...);
  return y;
}

template <int width, class T, class F, class... In>
__global__ void __launch_bounds__(block_threads)
    map_rows_kernel(RowTiles tiles, F f, bool add, T* __restrict__ y, const In*... x) {
  begin_kernel();
  const RowTiles::Share share = tiles.share(blockIdx.x, static_cast<int>(threadIdx.x));
  if (share.pack >= tiles.packs) return;
  typename F::Column columns[width];
#pragma unroll
  for (int i = 0; i < width; ++i) columns[i] = f.column(share.pack * width + i);
#pragma unroll 4
  for (int64_t row = share.first_row; row < share.end_row; row += tiles.depth()) {
    const int64_t place = row * tiles.packs + share.pack;
    store_pack<width>(y, place, map_columns<width, Computed<T>>(columns, load_pack<width>(x, place)...), add);
  }
}

/// y[row, c] = g(x[row, c]...) or +=, where g = f.column(c), of type F::Column. y is none of the x.
template <class T, class F, class... In>
void map_rows(const Queue& queue, int64_t rows, int64_t columns, const F& f, Write write, T* y,
              const In*... x) {
  constexpr int width = row_pack_width<T>;
  const int64_t most_blocks =
      queue.resident_blocks() / 2;  // eight rows a thread or more, where there are many
  const bool packed = columns % width == 0 && aligned_to_pack<width>(y) && (aligned_to_pack<width>(x) && ...);
  if (rows == 0 || columns == 0) return;
  if (packed) {
    const RowTiles tiles = row_tiles(rows, columns / width, most_blocks);
    queue.launch(tiles.blocks(), block_threads, map_rows_kernel<width, T, F, In...>, tiles, f,
                 write == Write::Add, y, x...);
  } else {
    const RowTiles tiles = row_tiles(rows, columns, most_blocks);
    queue.launch(tiles.blocks(), block_threads, map_rows_kernel<1, T, F, In...>, tiles, f,
                 write == Write::Add, y, x...);
  }
}

/// Gives `state` of each thread what all threads that lie `lanes` apart have; complete in the first of them.
template <int width, class State>
__device__ void merge_levels(int lanes, State (&state)[width]) {
  __shared__ State shared[width][block_threads];
  const int thread = static_cast<int>(threadIdx.x);
  for (int step = block_threads / 2; step >= lanes; step /= 2) {
#pragma unroll
    for (int i = 0; i < width; ++i) shared[i][thread] = state[i];
    __syncthreads();
    if (thread < step) {
#pragma unroll
      for (int i = 0; i < width; ++i) state[i].merge(shared[i][thread + step]);
    }
    __syncthreads();
  }
}

/// Whether this block is the last of `blocks` that came here, and then sees what the others stored before.
/// `arrived` counts them from zero, and is zero again afterwards.
__device__ inline bool last_to_arrive(int* arrived, int64_t blocks) {
  __shared__ bool last;
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();  // behind the barrier it holds for what the whole block stored
    last = atomicAdd(arrived, 1) == blocks - 1;
    if (last) *arrived = 0;
    __threadfence();
  }
  __syncthreads();
  return last;
}

/// finish() for the columns of a tile, whose chunks have left their results in (chunks, columns).
template <class State, class Finish>
__device__ void finish_tile(const RowTiles& tiles, int width, const State* partials, const Finish& finish) {
  const int thread = static_cast<int>(threadIdx.x), beside = tiles.lanes * width;
  const int64_t columns = tiles.packs * width, column = blockIdx.x / tiles.chunks * beside + thread % beside;
  decltype(partials->template as<double>()) state[1] = {State::none().template as<double>()};
  if (column < columns) {
    for (int64_t chunk = thread / beside; chunk < tiles.chunks; chunk += block_threads / beside)
      state[0].merge(partials[chunk * columns + column].template as<double>());
  }
  merge_levels(beside, state);
  if (thread < beside && column < columns) finish(column, state[0]);
}

template <int width, class State, class Column, class... In>
__device__ void accumulate(State* state, const Column* columns, const Pack<In, width>&... x) {
#pragma unroll
  for (int i = 0; i < width; ++i) columns[i](state[i], x.lane[i]...);
}

template <int width, class F, class Finish, class... In>
__global__ void __launch_bounds__(block_threads)
    reduce_rows_kernel(RowTiles tiles, F f, Finish finish, typename F::State* partials, int* arrived,
                       const In*... x) {
  begin_kernel();
  using State = typename F::State;
  const RowTiles::Share share = tiles.share(blockIdx.x, static_cast<int>(threadIdx.x));
  State state[width];
#pragma unroll
  for (int i = 0; i < width; ++i) state[i] = State::none();
  if (share.pack < tiles.packs) {
    typename F::Column columns[width];
#pragma unroll
    for (int i = 0; i < width; ++i) columns[i] = f.column(share.pack * width + i);
#pragma unroll 4
    for (int64_t row = share.first_row; row < share.end_row; row += tiles.depth())
      accumulate<width>(state, columns, load_pack<width>(x, row * tiles.packs + share.pack)...);
  }
  merge_levels(tiles.lanes, state);
  const bool complete = share.level == 0 && share.pack < tiles.packs;
  if (tiles.chunks == 1) {
    if (!complete) return;
#pragma unroll
    for (int i = 0; i < width; ++i) finish(share.pack * width + i, state[i].template as<double>());
    return;
  }
  if (complete) {
#pragma unroll
    for (int i = 0; i < width; ++i) partials[(share.chunk * tiles.packs + share.pack) * width + i] = state[i];
  }
  if (last_to_arrive(arrived + blockIdx.x / tiles.chunks, tiles.chunks))
    finish_tile(tiles, width, partials, finish);
}

template <int width, class F, class Finish, class... In>
void reduce_tiles(const Queue& queue, const ReductionSpace& space, int64_t rows, int64_t packs, const F& f,
                  const Finish& finish, const In*... x) {
  // Few lanes, so that the last block has few columns to merge; but more where there are too few rows for the
  // threads below each other.
  const int64_t lanes = std::clamp<int64_t>(4 * block_threads / std::max<int64_t>(1, rows), 4, 32);
  const RowTiles tiles = row_tiles(rows, packs, ReductionSpace::most_blocks,
                                   static_cast<int>(std::bit_ceil(static_cast<uint64_t>(lanes))));
  const Scratch<typename F::State> partials(space.allocator(),
                                            tiles.chunks == 1 ? 0 : tiles.chunks * packs * width);
  queue.launch(tiles.blocks(), block_threads, reduce_rows_kernel<width, F, Finish, In...>, tiles, f, finish,
               partials.data(), space.arrived(), x...);
}

/// For every column c calls finish(c, what its rows give), in double precision. F::State (lib/accumulators.h)
/// is what they are gathered in and g(state, x...), where g = f.column(c), of type F::Column, gathers one.
template <class T, class F, class Finish, class... In>
void reduce_rows(const Queue& queue, const ReductionSpace& space, int64_t rows, int64_t columns, const F& f,
                 const Finish& finish, const T* first, const In*... rest) {
  constexpr int width = row_pack_width<T>;
  const bool packed =
      columns % width == 0 && aligned_to_pack<width>(first) && (aligned_to_pack<width>(rest) && ...);
  if (columns == 0) return;
  if (packed) {
    reduce_tiles<width>(queue, space, rows, columns / width, f, finish, first, rest...);
  } else {
    reduce_tiles<1>(queue, space, rows, columns, f, finish, first, rest...);
  }
}

}  // namespace duel::cuda
