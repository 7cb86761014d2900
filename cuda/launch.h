// How a backend of many small threads shares out its work: the index arithmetic of its kernels, written as
// host code too so that it can be tested over whole grids without such a backend.
//
// Threads come in blocks, and a kernel is told its block's number and its own number within the block. All
// sizes are 64-bit; the number of blocks is bounded by what fills the device, never by the size of the data.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include "lib/divisor.h"
#include "lib/host_device.h"

namespace duel::cuda {

/// Threads of one block, in every kernel but those of products.
constexpr int block_threads = 256;

/// The blocks for `items` items that are independent of each other: one thread an item, but not more blocks
/// than `most`, whose threads then take further items by thread_items().
inline int64_t blocks_for(int64_t items, int64_t most) {
  return std::min(ceil_divide(items, block_threads), most);
}

/// The items of one thread of `blocks` blocks: first, first + step, first + 2 * step, ... Neighbouring
/// threads take neighbouring items, so that their accesses to memory fall together.
struct ThreadItems {
  int64_t first, step;
};
DUEL_HOST_DEVICE constexpr ThreadItems thread_items(int64_t block, int thread, int64_t blocks) {
  return {block * block_threads + thread, blocks * block_threads};
}

/// The largest n with 1 << n <= `x`, which is positive.
constexpr int log2_floor(int64_t x) { return static_cast<int>(std::bit_width(static_cast<uint64_t>(x))) - 1; }

/// A (rows, packs) array cut into pieces, one a block, for work that knows columns: a reduction over the
/// rows, or an operation with parameters for each column. A pack is what one thread takes of a row: one
/// element or several neighbouring ones.
///
/// A piece is a chunk of rows by a tile of packs. Within it, `lanes` threads lie side by side over the packs,
/// and the block's depth = block_threads / lanes rows of them take every depth-th row. So each thread stays
/// with one pack, and what belongs to its columns is read once and kept in registers.
struct RowTiles {
  int64_t rows, packs;
  int lanes, lane_bits;  // lanes = 1 << lane_bits: kernels shift by it, as dividing takes long
  int64_t rows_per_chunk, chunks, tiles;

  DUEL_HOST_DEVICE int64_t blocks() const { return chunks * tiles; }
  DUEL_HOST_DEVICE int depth() const { return block_threads >> lane_bits; }

  /// The share of one thread: pack `pack` (none if it is past the last) of the rows first_row, first_row +
  /// depth(), ... before end_row. `level`, 0 .. depth() - 1, tells the threads of one pack apart.
  struct Share {
    int64_t chunk, pack, first_row, end_row;
    int level;
  };
  DUEL_HOST_DEVICE Share share(int64_t block, int thread) const {
    const int64_t chunk = block % chunks, tile = block / chunks;
    const int level = thread >> lane_bits;
    const int64_t end = (chunk + 1) * rows_per_chunk;
    return {chunk, tile * lanes + (thread & (lanes - 1)), chunk * rows_per_chunk + level,
            end < rows ? end : rows, level};
  }
};

/// What the pieces of an array keep to, beside their number.
struct RowTilesLimits {
  int most_lanes = 32;     // a power of two
  int64_t least_rows = 4;  // about, of a thread
  int64_t most_chunks = std::numeric_limits<int64_t>::max();
};

/// About `most_blocks` pieces (more only if one row of tiles has more). Thin arrays have as few lanes as
/// their rows have packs, so that no thread idles; wide ones have `most_lanes`. There is one chunk even if
/// there are no rows: a sum over none is zero.
inline RowTiles row_tiles(int64_t rows, int64_t packs, int64_t most_blocks,
                          const RowTilesLimits& limits = {}) {
  const int64_t wanted_lanes = std::clamp<int64_t>(packs, 1, limits.most_lanes);
  const auto lane_bits = static_cast<int>(std::bit_width(static_cast<uint64_t>(wanted_lanes - 1)));
  const int lanes = 1 << lane_bits;
  const int64_t tiles = ceil_divide(packs, lanes), depth = block_threads / lanes;
  const int64_t wanted =
      std::max<int64_t>(1, std::min({most_blocks / std::max<int64_t>(1, tiles),
                                     ceil_divide(rows, limits.least_rows * depth), limits.most_chunks}));
  const int64_t rows_per_chunk = std::max(depth, ceil_divide(ceil_divide(rows, wanted), depth) * depth);
  const int64_t chunks = std::max<int64_t>(1, ceil_divide(rows, rows_per_chunk));
  return {rows, packs, lanes, lane_bits, rows_per_chunk, chunks, tiles};
}

/// The pieces for a reduction over the rows, whose chunks have to be merged: what a block leaves for that is
/// one result for each of its columns, so where there are many rows, a piece is as narrow as memory is still
/// read well, in whole lines of its caches. A thread asks for `rows_ahead` rows at a time. Where there are
/// only so many for a thread or fewer, there is one chunk, of as many lanes as leave each thread most rows
/// that it can ask for at once.
inline RowTiles reduction_tiles(int64_t rows, int64_t packs, int64_t pack_bytes, int64_t rows_ahead,
                                int64_t most_blocks, int64_t most_chunks) {
  constexpr int64_t line_bytes = 128;
  const int64_t lanes = std::clamp(rows_ahead * block_threads / std::max<int64_t>(1, rows),
                                   line_bytes / pack_bytes, int64_t{block_threads});
  return row_tiles(rows, packs, most_blocks, {1 << log2_floor(lanes), rows_ahead, most_chunks});
}

/// The chunks of several tensors, numbered through: one block a chunk serves them all in one launch.
template <int capacity>
struct ChunkTable {
  int tensors = 0;
  int64_t first_chunk[capacity + 1] = {0};  // of each tensor; behind the last, the number of all chunks

  int64_t chunks() const { return first_chunk[tensors]; }
  /// Appends a tensor of `chunks` chunks; there is room for `capacity`.
  void append(int64_t chunks) {
    first_chunk[tensors + 1] = first_chunk[tensors] + chunks;
    ++tensors;
  }
  /// The tensor that a chunk (0 .. chunks() - 1) belongs to.
  DUEL_HOST_DEVICE int tensor_of(int64_t chunk) const {
    int low = 0, high = tensors - 1;
    while (low < high) {
      const int middle = (low + high + 1) / 2;
      if (first_chunk[middle] <= chunk) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }
};

}  // namespace duel::cuda
