// How a card's blocks share out a matrix product: the sizes of their tiles, which of them a product takes,
// where a factor's elements lie in shared memory, and which of them each lane of a warp hands to the tensor
// cores. Index arithmetic alone, tested on the host; cuda/tile_product.cuh works by it.
#pragma once

#include <cstdint>
#include <limits>

#include "lib/host_device.h"
#include "lib/launch.h"

namespace duel {

constexpr int warp_size = 32;
/// Threads of a block of a product, and the elements of k that it multiplies between two barriers.
constexpr int product_threads = 128, product_depth = 16;

/// The sums of one block: m_ rows by n_ columns, which its warps divide into equal rectangles, warps_m of
/// them below each other. The larger these are, the more often an element that a warp reads from shared
/// memory is used; 64 x 64 is what registers have room for.
template <int m_, int n_, int warps_m>
struct ProductTile {
  static constexpr int m = m_, n = n_, warps_n = product_threads / warp_size / warps_m;
  static constexpr int warp_m = m / warps_m, warp_n = n / warps_n;

  /// The blocks of a result of `rows` by `columns`.
  DUEL_HOST_DEVICE static int64_t blocks(int64_t rows, int64_t columns) {
    return ceil_divide(rows, m) * ceil_divide(columns, n);
  }
  /// Where a block's tile begins; blocks of the same rows are neighbours.
  struct Place {
    int m, n;
  };
  DUEL_HOST_DEVICE static Place place(int block, int columns) {
    const int across = (columns + n - 1) / n;
    return {block / across * m, block % across * n};
  }
  DUEL_HOST_DEVICE static int warp_row(int thread) { return thread / warp_size % warps_m * warp_m; }
  DUEL_HOST_DEVICE static int warp_column(int thread) { return thread / warp_size / warps_m * warp_n; }
};
using WideTile = ProductTile<128, 128, 2>;
using MiddleTile = ProductTile<128, 64, 2>;
using SmallTile = ProductTile<64, 64, 2>;
using NarrowTile = ProductTile<128, 16, 4>;

enum class TileSize { Wide, Middle, Small, Narrow };

/// The tile for `products` products of m by n sums each on so many multiprocessors: the one by which the
/// multiprocessor with the most blocks is done first. What a step of a block takes is counted in what it
/// fetches, m + n elements for each one of k, since that is what limits products on the tensor cores (and,
/// in the same ratio, what its warps read from shared memory). A block alone fetches and multiplies in turn;
/// two or more do both at once. Reckoned, not measured.
inline TileSize tile_size_for(int64_t products, int64_t m, int64_t n, int64_t multiprocessors) {
  TileSize best = TileSize::Wide;
  int64_t least = std::numeric_limits<int64_t>::max();
  const auto consider = [&]<class Tile>(TileSize size, Tile) {
    const int64_t most = ceil_divide(products * Tile::blocks(m, n), multiprocessors),
                  quarters = most == 1 ? 7 : 4 * most;
    const int64_t time = quarters * (Tile::m + Tile::n);
    if (time >= least) return;
    least = time;
    best = size;
  };
  consider(TileSize::Wide, WideTile{});
  consider(TileSize::Middle, MiddleTile{});
  consider(TileSize::Small, SmallTile{});
  consider(TileSize::Narrow, NarrowTile{});
  return best;
}

/// A factor's elements of one step in shared memory: `extent` rows or columns by product_depth elements of
/// k, which are neighbours if `along_k`.
///
/// Shared memory has 32 banks of four bytes. Each row is as much longer than its elements as makes what a
/// warp reads at once lie in different banks. Of float32 that is 8 neighbours of m or n by 4 of k (Fragment):
/// 20 times 0 .. 7 are different multiples of 4 modulo 32, and extent + 8 leaves 8 or 24. Of bfloat16 it is 8
/// rows of 16 bytes (loaded_row): rows of 48 bytes, or of 2 * extent + 16, begin at different multiples of 16
/// modulo 128. All rows begin on 16 bytes.
template <class Element, int extent, bool along_k>
struct SharedTile {
  static_assert(along_k || extent % 16 == 0);
  static constexpr int line = along_k ? product_depth + 16 / static_cast<int>(sizeof(Element)) : extent + 8;
  static constexpr int elements = line * (along_k ? extent : product_depth);

  DUEL_HOST_DEVICE static int place(int i, int k) { return along_k ? i * line + k : k * line + i; }
};

/// What a lane of a warp holds of the factors and sums that the tensor cores multiply at once, after the PTX
/// ISA ("Matrix fragments for mma.m16n8k8", and of bfloat16 "for mma.m16n8k16", where each element is a pair
/// of neighbours along k): with g = lane / 4 and t = lane % 4, of the left factor (16, 8) the elements (g,
/// t), (g + 8, t), (g, t + 4), (g + 8, t + 4); of the right one (8, 8) the elements (t, g) and (t + 4, g); of
/// the sums (16, 8) the pairs (g, 2 t) and (g + 8, 2 t), each with its right neighbour.
struct Fragment {
  static constexpr int m = 16, n = 8;

  DUEL_HOST_DEVICE static int line(int lane) { return lane / 4; }
  DUEL_HOST_DEVICE static int step(int lane) { return lane % 4; }
  DUEL_HOST_DEVICE static int column(int lane) { return lane % 4 * 2; }
};

/// Of bfloat16 a warp loads 16 rows or columns of a factor by 16 of k as four matrices of 8 x 8, each of 8
/// rows of 16 bytes in shared memory, and lane l names where row l % 8 of matrix l / 8 begins. In which order
/// they come follows from what the four words of a lane are to be: the left factor's (16, 16), or those of
/// two neighbouring right ones, (16, 8) each.
struct LoadedRow {
  int line, k;
};
template <bool left, bool along_k>
DUEL_HOST_DEVICE LoadedRow loaded_row(int lane) {
  const int row = lane % 8, first = lane / 8 % 2 * 8, second = lane / 16 * 8;
  const int line = left ? first : second, k = left ? second : first;
  return along_k ? LoadedRow{line + row, k} : LoadedRow{line, k + row};
}

/// Whether all elements of a step belong to one tap.
DUEL_HOST_DEVICE constexpr bool whole_taps(int64_t channels) { return channels % product_depth == 0; }

/// The first element of k of each step. All channels of a tap, then those of the next, would come back to a
/// pixel only after its neighbours' channels have all passed by; taken product_depth channels at a time and
/// all taps of these first, the cache of the multiprocessor still holds what the taps of a patch share.
class StepOrder {
 public:
  /// All elements in turn.
  DUEL_HOST_DEVICE constexpr StepOrder() : StepOrder(product_depth, everything) {}
  /// Of `columns` elements, `channels` a tap.
  DUEL_HOST_DEVICE static StepOrder taps_first(int channels, int columns) {
    return whole_taps(channels) ? StepOrder(channels, columns) : StepOrder();
  }
  /// Where the step begins that comes behind the one that begins at k.
  DUEL_HOST_DEVICE int after(int k) const {
    return k < last_tap_ ? k + stride_ : k + stride_ - columns_ + product_depth;
  }

 private:
  static constexpr int everything = std::numeric_limits<int>::max();

  DUEL_HOST_DEVICE constexpr StepOrder(int stride, int columns)
      : stride_(stride), columns_(columns), last_tap_(columns - stride) {}

  int stride_, columns_, last_tap_;
};

}  // namespace duel
