// Work on a (rows, columns) array in which each column has parameters or a result of its own: the channels of
// a channels-last picture. Elements with columns: map_rows(). Reductions over the rows: reduce_rows().
//
// Both are limited by the bandwidth of memory. RowTiles (cuda/launch.h) says how threads map to data: a warp
// reads up to 512 neighbouring bytes of a row, or 128 each of several rows for a reduction, or several whole
// rows where they are short, and a thread stays with its columns, so their parameters and partial results
// live in registers.
//
// A reduction takes one launch. A thread takes its rows from first to last, the threads of a column are
// merged as a tree in shared memory, and of the blocks that share a column, the one that is done last merges
// what all of them have left, a few to a sum of their own precision and those sums in double precision: which
// block that is chance decides, but not what it computes. So every bit of the result depends on the sizes
// alone.
//
// The arrays of a network are a few megabytes, which the card reads in a microsecond or two, so what a
// reduction waits for one after the other counts as much as what it reads: a thread asks for several rows
// before it looks at the first, and neither tree has many levels, as each ends with a barrier.
#pragma once

#include <cstring>
#include <type_traits>

#include "cuda/kernel_order.cuh"
#include "cuda/pack.cuh"
#include "cuda/queue.h"
#include "cuda/reduction_space.h"
#include "lib/write.h"

namespace duel::cuda {

/// Elements of a row that a thread of map_rows() takes at a time: 16 bytes, or four narrower ones, as each of
/// its columns takes registers.
template <class T>
constexpr int row_pack_width = pack_width<T> < 4 ? pack_width<T> : 4;

template <int power_of_two>
constexpr int log2_of = log2_floor(power_of_two);

template <int width, class T, class Column, class... In>
__device__ Pack<T, width> map_columns(const Column* columns, const Pack<In, width>&... x) {
  Pack<T, width> y;
#pragma unroll
  for (int i = 0; i < width; ++i) y.lane[i] = columns[i](x.lane[i]...);
  return y;
}

/// Which of several batches of rows, each cut into the same tiles, a block works for, and its number there.
struct BlockOfBatch {
  unsigned batch, block;

  __device__ static BlockOfBatch of(const RowTiles& tiles) {
    const auto blocks = static_cast<unsigned>(tiles.blocks());
    return {blockIdx.x / blocks, blockIdx.x % blocks};
  }
};

/// f.column(c, before), if f has something of its own for each of several batches, which lies so many columns
/// further on; else f.column(c).
template <class F>
__device__ typename F::Column column_of(const F& f, int64_t c, int64_t before) {
  if constexpr (requires { f.column(c, before); }) {
    return f.column(c, before);
  } else {
    return f.column(c);
  }
}

/// Blocks of map_rows() that a multiprocessor shall have registers for, which leaves 64 to a thread, or 80:
/// left to choose, nvcc takes fewer in some places and spills one of them.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
constexpr int map_rows_blocks = 3;
#else
constexpr int map_rows_blocks = 4;
#endif

template <int width, class T, class F, class... In>
__global__ void __launch_bounds__(block_threads, map_rows_blocks)
    map_rows_kernel(RowTiles tiles, F f, bool add, T* __restrict__ y, const In*... x) {
  begin_kernel();
  const auto [batch, block] = BlockOfBatch::of(tiles);
  const RowTiles::Share share = tiles.share(block, static_cast<int>(threadIdx.x));
  if (share.pack >= tiles.packs) return;
  typename F::Column columns[width];
#pragma unroll
  for (int i = 0; i < width; ++i)
    columns[i] = column_of(f, share.pack * width + i, batch * tiles.packs * width);
  const int64_t before = batch * tiles.rows;
#pragma unroll 4
  for (int64_t row = share.first_row; row < share.end_row; row += tiles.depth()) {
    const int64_t place = (before + row) * tiles.packs + share.pack;
    store_pack<width>(y, place, map_columns<width, Computed<T>>(columns, load_pack<width>(x, place)...), add);
  }
}

/// Rows of an array, in `batches` batches of so many one after another.
struct Rows {
  int64_t count, batches;
  Rows(int64_t rows, int64_t of_batches = 1) : count(rows), batches(of_batches) {}
};

/// y[row, c] = g(x[row, c]...) or +=, where g = f.column(c), of type F::Column, or of several batches
/// f.column(c, before): see column_of(). y is none of the x.
template <class T, class F, class... In>
void map_rows(const Queue& queue, const Rows& all, int64_t columns, const F& f, Write write, T* y,
              const In*... x) {
  constexpr int width = row_pack_width<T>;
  const auto [rows, batches] = all;
  const int64_t most_blocks =
      ceil_divide(queue.resident_blocks(), 2 * batches);  // eight rows a thread or more, where there are many
  const bool packed = columns % width == 0 && aligned_to_pack<width>(y) && (aligned_to_pack<width>(x) && ...);
  if (rows == 0 || columns == 0) return;
  if (packed) {
    const RowTiles tiles = row_tiles(rows, columns / width, most_blocks);
    queue.launch(batches * tiles.blocks(), block_threads, map_rows_kernel<width, T, F, In...>, tiles, f,
                 write == Write::Add, y, x...);
  } else {
    const RowTiles tiles = row_tiles(rows, columns, most_blocks);
    queue.launch(batches * tiles.blocks(), block_threads, map_rows_kernel<1, T, F, In...>, tiles, f,
                 write == Write::Add, y, x...);
  }
}

/// What one thread reads of one array, several rows at a time: all of them are asked for before the first is
/// needed. They wait as words, if a pack fills some: as elements each would take a register of its own.
template <class T, int width, int rows>
struct RowsAhead {
  static constexpr int words = static_cast<int>(sizeof(T)) * width / 4;
  using Waiting = std::conditional_t<words == 0, Pack<T, width>, Pack<uint32_t, words>>;

  const T* x;
  Waiting row[rows];

  /// Packs number `place`, place + step, ..., `left` of them or all; in place of the others the first one,
  /// which is there.
  __device__ void read(int64_t place, int64_t step, int64_t left) {
    const auto* first = reinterpret_cast<const Pack<T, width>*>(x) + place;
#pragma unroll
    for (int i = 0; i < rows; ++i) {
      const Pack<T, width> pack = first[i < left ? i * step : 0];
      std::memcpy(&row[i], &pack, sizeof(pack));
    }
  }
  __device__ Pack<Computed<T>, width> at(int i) const {
    Pack<T, width> pack;
    std::memcpy(&pack, &row[i], sizeof(pack));
    return computed(pack);
  }
};

template <int width, class State, class Column, class... In>
__device__ void gather_row(State (&state)[width], const Column (&columns)[width],
                           const Pack<In, width>&... x) {
#pragma unroll
  for (int i = 0; i < width; ++i) columns[i](state[i], x.lane[i]...);
}

/// Gathers the first `left` of the rows that were read, or all of them.
template <int rows, int width, class State, class Column, class... In>
__device__ void gather_rows(State (&state)[width], const Column (&columns)[width], int64_t left,
                            const RowsAhead<In, width, rows>&... x) {
#pragma unroll
  for (int row = 0; row < rows; ++row) {
    if (row < left) gather_row(state, columns, x.at(row)...);
  }
}

/// Gathers a thread's whole share. The columns' parameters are computed while the first rows are on their
/// way.
template <int rows, int width, class F, class... In>
__device__ void gather_share(const RowTiles& tiles, const RowTiles::Share& share, const F& f, int64_t before,
                             typename F::State (&state)[width], RowsAhead<In, width, rows>... x) {
  if (share.pack >= tiles.packs || share.first_row >= share.end_row) return;
  const int64_t step = tiles.depth() * tiles.packs;
  int64_t place = share.first_row * tiles.packs + share.pack;
  int64_t left = ((share.end_row - share.first_row - 1) >> (log2_of<block_threads> - tiles.lane_bits)) + 1;
  (x.read(place, step, left), ...);
  typename F::Column columns[width];
#pragma unroll
  for (int i = 0; i < width; ++i) columns[i] = column_of(f, share.pack * width + i, before);
  while (true) {
    gather_rows<rows>(state, columns, left, x...);
    left -= rows;
    if (left <= 0) return;
    place += rows * step;
    (x.read(place, step, left), ...);
  }
}

/// All of `count` states, a power of two, by pairs: rounding errors and the wait for sums grow with the
/// levels.
template <int count, class State>
__device__ State merge_pairs(State* states) {
  if constexpr (count > 1) {
#pragma unroll
    for (int i = 0; i < count / 2; ++i) states[i].merge(states[i + count / 2]);
    return merge_pairs<count / 2>(states);
  } else {
    return states[0];
  }
}

/// Merges what the threads that lie 1 << lane_bits apart have in `state`, and calls emit(column, merged) for
/// each of the block's (1 << lane_bits) * width columns, neighbouring threads for neighbouring ones. A thread
/// merges several states between two barriers.
template <int width, class State, class Emit>
__device__ void merge_threads(int lane_bits, const State (&state)[width], const Emit& emit) {
  constexpr int at_once_bits = 3, at_once = 1 << at_once_bits;
  constexpr int apart = 32 / at_once;  // so that the columns of one thread lie in different banks
  static_assert(width <= at_once, "there are fewer threads than states are left to merge");
  __shared__ State shared[width][block_threads + apart];
  const int thread = static_cast<int>(threadIdx.x);
#pragma unroll
  for (int i = 0; i < width; ++i) shared[i][thread] = state[i];
  __syncthreads();
  int bits = log2_of<block_threads>;  // of each column of a thread 1 << bits states are left
  while (bits - lane_bits > at_once_bits) {
    bits -= at_once_bits;
    const int i = thread >> bits, place = thread & ((1 << bits) - 1);
    State some[at_once];
    if (i < width) {
#pragma unroll
      for (int level = 0; level < at_once; ++level) some[level] = shared[i][(level << bits) + place];
    }
    __syncthreads();
    if (i < width) shared[i][place] = merge_pairs<at_once>(some);
    __syncthreads();
  }
  const int levels = 1 << (bits - lane_bits);
#pragma unroll 1
  for (int column = thread; column < width << lane_bits; column += block_threads) {
    State some[at_once];
#pragma unroll
    for (int level = 0; level < at_once; ++level) {
      some[level] = State::none();
      if (level < levels) some[level] = shared[column % width][(level << lane_bits) + column / width];
    }
    emit(column, merge_pairs<at_once>(some));
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

/// finish() for the columns of tile number `tile`, whose chunks have left their results in (chunks, columns).
/// A tile of several chunks has no more columns than a block has threads (reduction_tiles()).
template <int width, class State, class Finish>
__device__ void finish_tile(const RowTiles& tiles, int64_t tile, const State* partials,
                            const Finish& finish) {
  constexpr int at_once = 16;  // chunks that a thread asks for before it looks at the first
  const int thread = static_cast<int>(threadIdx.x), chunks = static_cast<int>(tiles.chunks);
  const int beside_bits = tiles.lane_bits + log2_of<width>, beside = 1 << beside_bits;
  const int step = block_threads >> beside_bits;
  const int64_t columns = tiles.packs * width, first = tile * beside;
  const int64_t column = first + (thread & (beside - 1));
  decltype(partials->template as<double>()) total[1] = {State::none().template as<double>()};
  if (column < columns) {
    for (int chunk = thread >> beside_bits; chunk < chunks; chunk += at_once * step) {
      const State* from = partials + chunk * columns + column;
      State some[at_once];
#pragma unroll
      for (int i = 0; i < at_once; ++i, from += step * columns) {
        some[i] = State::none();
        if (chunk + i * step < chunks) some[i] = *from;
      }
      total[0].merge(merge_pairs<at_once>(some).template as<double>());
    }
  }
  merge_threads(beside_bits, total, [&](int i, const auto& sum) {
    if (first + i < columns) finish(first + i, sum);
  });
}

template <int width, int rows, class F, class Finish, class... In>
__global__ void __launch_bounds__(block_threads, 2)
    reduce_rows_kernel(RowTiles tiles, F f, Finish finish, typename F::State* partials_of_all, int* arrived,
                       const In*... x) {
  begin_kernel();
  using State = typename F::State;
  const auto [batch, block] = BlockOfBatch::of(tiles);
  const RowTiles::Share share = tiles.share(block, static_cast<int>(threadIdx.x));
  State state[width];
#pragma unroll
  for (int i = 0; i < width; ++i) state[i] = State::none();
  const int64_t columns = tiles.packs * width, before = batch * columns, tile = block / tiles.chunks;
  gather_share<rows>(tiles, share, f, before, state,
                     RowsAhead<In, width, rows>{x + before * tiles.rows, {}}...);
  const auto finish_column = [&](int64_t column, const auto& sum) {
    if constexpr (requires { finish(column, before, sum); }) {
      finish(column, before, sum);
    } else {
      finish(before + column, sum);
    }
  };

  State* const partials = partials_of_all + before * tiles.chunks;
  const int64_t first = tile * tiles.lanes * width;
  merge_threads(tiles.lane_bits, state, [&](int i, const State& merged) {
    if (first + i >= columns) return;
    if (tiles.chunks == 1) {
      finish_column(first + i, merged.template as<double>());
    } else {
      partials[share.chunk * columns + first + i] = merged;
    }
  });
  if (tiles.chunks > 1 && last_to_arrive(arrived + batch * tiles.tiles + tile, tiles.chunks))
    finish_tile<width>(tiles, tile, partials, finish_column);
}

template <int width, class F, class Finish, class T, class... In>
void reduce_tiles(const Queue& queue, const ReductionSpace& space, const Rows& rows, int64_t packs,
                  const F& f, const Finish& finish, const T* first, const In*... rest) {
  constexpr int ahead = ReductionSpace::packs_ahead / (1 + sizeof...(In));  // rows
  const auto tiles_of = [&](int64_t most_chunks) {
    return reduction_tiles(rows.count, packs, sizeof(T) * width, ahead,
                           ceil_divide(ReductionSpace::most_blocks, rows.batches), most_chunks);
  };
  RowTiles tiles = tiles_of(ceil_divide(ReductionSpace::most_chunks, rows.batches));
  if (rows.batches * tiles.tiles > ReductionSpace::most_shared_tiles) tiles = tiles_of(1);
  const Scratch<typename F::State> partials(
      space.allocator(), tiles.chunks == 1 ? 0 : rows.batches * tiles.chunks * packs * width);
  queue.launch(rows.batches * tiles.blocks(), block_threads,
               reduce_rows_kernel<width, ahead, F, Finish, T, In...>, tiles, f, finish, partials.data(),
               space.arrived(), first, rest...);
}

/// For every column c calls finish(c, what its rows give), in double precision. F::State
/// (cuda/accumulators.h) is what they are gathered in and g(state, x...), where g = f.column(c), of type
/// F::Column, gathers one; f.column() is called only where there are rows. Of several batches each is reduced
/// for itself, with f.column(c, before) as in map_rows(), and finish(c, before, ...) where there is such a
/// thing, else finish(before + c, ...).
template <class T, class F, class Finish, class... In>
void reduce_rows(const Queue& queue, const ReductionSpace& space, const Rows& rows, int64_t columns,
                 const F& f, const Finish& finish, const T* first, const In*... rest) {
  constexpr int width = pack_width<T>;
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
