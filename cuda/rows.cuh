// Work on a (rows, columns) array in which each column has parameters or a result of its own: the channels of
// a channels-last picture. Elements with columns: map_rows(). Reductions over the rows: reduce_rows().
//
// Both are limited by the bandwidth of memory. RowTiles (lib/launch.h) says how threads map to data: a warp
// reads up to 512 neighbouring bytes of a row, or several whole rows where they are short, and a thread stays
// with its columns, so their parameters and partial results live in registers.
//
// A reduction has no atomics, so its order, and with it every bit of the result, depends on the sizes alone:
// a thread takes its rows from first to last, the threads of a column are merged as a tree in shared memory,
// and where there is more than one chunk a second, small launch merges their results in double precision.
#pragma once

#include "cuda/device_allocator.h"
#include "cuda/pack.cuh"
#include "cuda/queue.h"
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

/// Gives `state` of each thread what its lane's columns have in the whole block; complete in level 0.
template <int width, class State>
__device__ void merge_levels(const RowTiles& tiles, State (&state)[width]) {
  __shared__ State shared[width][block_threads];
  const int thread = static_cast<int>(threadIdx.x);
  for (int step = block_threads / 2; step >= tiles.lanes; step /= 2) {
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

template <int width, class State, class Column, class... In>
__device__ void accumulate(State* state, const Column* columns, const Pack<In, width>&... x) {
#pragma unroll
  for (int i = 0; i < width; ++i) columns[i](state[i], x.lane[i]...);
}

template <int width, class F, class Finish, class... In>
__global__ void __launch_bounds__(block_threads)
    reduce_rows_kernel(RowTiles tiles, F f, Finish finish, typename F::State* partials, const In*... x) {
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
  merge_levels(tiles, state);
  if (share.level != 0 || share.pack >= tiles.packs) return;
#pragma unroll
  for (int i = 0; i < width; ++i) {
    const int64_t column = share.pack * width + i;
    if (tiles.chunks == 1) {
      finish(column, state[i].template as<double>());
    } else {
      partials[share.chunk * tiles.packs * width + column] = state[i];
    }
  }
}

/// The second launch of a reduction: rows are the chunks' results.
template <class Partial>
struct MergePartials {
  using State = decltype(Partial::none().template as<double>());
  struct Column {
    DUEL_HOST_DEVICE void operator()(State& state, const Partial& partial) const {
      state.merge(partial.template as<double>());
    }
  };
  DUEL_HOST_DEVICE Column column(int64_t) const { return {}; }
};

template <int width, class F, class Finish, class... In>
void reduce_tiles(const Queue& queue, CachingAllocator& allocator, const RowTiles& tiles, const F& f,
                  const Finish& finish, const In*... x) {
  using State = typename F::State;
  const int64_t columns = tiles.packs * width;
  const Scratch<State> partials(allocator, tiles.chunks == 1 ? 0 : tiles.chunks * columns);
  queue.launch(tiles.blocks(), block_threads, reduce_rows_kernel<width, F, Finish, In...>, tiles, f, finish,
               partials.data(), x...);
  if (tiles.chunks == 1) return;
  using Merge = MergePartials<State>;
  // Few lanes, so that many threads share the chunks of a column: their loads' latency is what it costs.
  const RowTiles merge = row_tiles(tiles.chunks, columns, 1, 4);
  queue.launch(merge.blocks(), block_threads, reduce_rows_kernel<1, Merge, Finish, State>, merge, Merge{},
               finish, static_cast<typename Merge::State*>(nullptr),
               static_cast<const State*>(partials.data()));
}

/// For every column c calls finish(c, what its rows give), in double precision. F::State (lib/accumulators.h)
/// is what they are gathered in and g(state, x...), where g = f.column(c), of type F::Column, gathers one.
template <class T, class F, class Finish, class... In>
void reduce_rows(const Queue& queue, CachingAllocator& allocator, int64_t rows, int64_t columns, const F& f,
                 const Finish& finish, const T* first, const In*... rest) {
  constexpr int width = row_pack_width<T>;
  constexpr int64_t most_blocks = 512;  // not the device's own number: the result shall not depend on it
  const bool packed =
      columns % width == 0 && aligned_to_pack<width>(first) && (aligned_to_pack<width>(rest) && ...);
  if (columns == 0) return;
  if (packed) {
    reduce_tiles<width>(queue, allocator, row_tiles(rows, columns / width, most_blocks), f, finish, first,
                        rest...);
  } else {
    reduce_tiles<1>(queue, allocator, row_tiles(rows, columns, most_blocks), f, finish, first, rest...);
  }
}

}  // namespace duel::cuda
