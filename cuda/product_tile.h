// How a card's blocks share out a matrix product: the sizes of their tiles, which of them a product takes,
// where a factor's elements lie in shared memory, and which of them each lane of a warp hands to the tensor
// cores. Index arithmetic alone, tested on the host; cuda/tile_product.cuh works by it.
#pragma once

#include <cstdint>
#include <limits>

#include "cuda/launch.h"
#include "lib/host_device.h"

namespace duel::cuda {

constexpr int warp_size = 32;
/// Threads of a block of a product, and the elements of k that it multiplies between two barriers: the
/// fewest, and those of bfloat16 in packs. A warpgroup takes as many as its rows hold (GroupTile).
constexpr int product_threads = 128, product_depth = 16, deep_product_depth = 32;

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
/// in the same ratio, what its warps read from shared memory). A block alone fetches and multiplies in turn,
/// unless it multiplies as a warpgroup, which does so while the block fetches; two or more blocks do both at
/// once.
inline TileSize tile_size_for(int64_t products, int64_t m, int64_t n, int64_t multiprocessors,
                              bool as_group = false) {
  TileSize best = TileSize::Wide;
  int64_t least = std::numeric_limits<int64_t>::max();
  const auto consider = [&]<class Tile>(TileSize size, Tile) {
    const int64_t most = ceil_divide(products * Tile::blocks(m, n), multiprocessors),
                  quarters = most == 1 && !as_group ? 7 : 4 * most;
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

/// A factor's elements of one step in shared memory: `extent` rows or columns by `depth` elements of k, which
/// are neighbours if `along_k`.
///
/// Shared memory has 32 banks of four bytes. Each row is as much longer than its elements as makes what a
/// warp reads at once lie in different banks. Of float32 that is 8 neighbours of m or n by 4 of k (Fragment):
/// 20 times 0 .. 7 are different multiples of 4 modulo 32, and extent + 8 leaves 8 or 24. Of bfloat16 it is 8
/// rows of 16 bytes (loaded_row): rows of 48 or 80 bytes, or of 2 * extent + 16, begin at different multiples
/// of 16 modulo 128. All rows begin on 16 bytes.
template <class Element, int extent, bool along_k_, int depth_ = product_depth>
struct SharedTile {
  static constexpr int depth = depth_;
  static constexpr bool along_k = along_k_;
  static_assert(along_k || extent % 16 == 0);
  static constexpr int line = along_k ? depth + 16 / static_cast<int>(sizeof(Element)) : extent + 8;
  static constexpr int elements = line * (along_k ? extent : depth);

  DUEL_HOST_DEVICE static int place(int i, int k) { return along_k ? i * line + k : k * line + i; }
};

/// On which a tile of the kind below has to begin, since packs are exchanged by their address.
constexpr int group_alignment = 1024;

/// The same for the tensor cores of compute capability 9.0, which read a factor from shared memory by
/// themselves, 32 bytes of k at a time, in one of the layouts that the PTX ISA calls canonical ("wgmma:
/// Shared Memory Matrix Layout"). Rows are as long as a line of banks, 128 bytes, and a step is as deep; the
/// packs of 16 bytes of a row are exchanged by the number of their line (`swizzled`), so that those of eight
/// rows lie in different banks.
///
/// Along k a row is the step of one i. Across k, which is for bfloat16 alone, it is 64 neighbours of i for
/// one k, or 16 of a narrow tile; the rows of all k follow each other, behind them those of the next 64 of i.
template <class Element, int extent, bool along_k_>
struct GroupTile {
  static constexpr bool along_k = along_k_;
  static constexpr int depth = 128 / static_cast<int>(sizeof(Element)), elements = extent * depth;
  static constexpr int row = along_k ? depth : extent < 64 ? extent : 64;  // elements
  static constexpr int row_bytes = row * static_cast<int>(sizeof(Element));
  static_assert(along_k ? extent % 8 == 0 : sizeof(Element) == 2 && (extent == 16 || extent % 64 == 0));

  DUEL_HOST_DEVICE static int place(int i, int k) {
    const int line = along_k ? i : i / row * depth + k, within = along_k ? k : i % row;
    return swizzled(line * row + within);
  }
  /// What one product takes of k; bytes from there to the next, and from 64 of i to the next, which is as far
  /// in either layout.
  static constexpr int k_of_product = depth / 4;
  static constexpr int next_product = along_k ? row_bytes / 4 : k_of_product * row_bytes;
  static constexpr int next_sixty_four = 64 * 128;

  /// Where a matrix of the tile begins, in its layout, as the tensor cores are told ("Matrix Descriptor"): in
  /// units of 16 bytes the address, the distance of rows of i beyond the first 64 (which one matrix along k
  /// does not have), the distance of groups of eight rows; and by which of the layouts.
  DUEL_HOST_DEVICE static uint64_t descriptor(uint32_t address) {
    constexpr uint64_t thirty_two_bytes = 3, hundred_twenty_eight = 1;
    constexpr uint64_t layout = row_bytes == 128 ? hundred_twenty_eight : thirty_two_bytes;
    constexpr uint64_t next_rows = along_k ? 1 : next_sixty_four / 16, next_eight = 8 * row_bytes / 16;
    return address / 16 | next_rows << 16 | next_eight << 32 | layout << 62;
  }

 private:
  /// Bits 4 to 6 of the address in bytes are changed by bits 7 to 9 of it; of rows of 32 bytes bit 4 by 7.
  DUEL_HOST_DEVICE static int swizzled(int element) {
    constexpr int pack = 16 / static_cast<int>(sizeof(Element)), packs = row_bytes / 16;
    return element ^ (element / depth % packs) * pack;
  }
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

/// Whether all elements of a step of so many belong to one tap.
DUEL_HOST_DEVICE constexpr bool whole_taps(int64_t channels, int depth) { return channels % depth == 0; }

/// Steps of `depth` elements until all k are taken.
DUEL_HOST_DEVICE constexpr int product_steps(int64_t k, int depth) {
  return static_cast<int>(ceil_divide(k, depth));
}

/// The first element of k of each step of `depth`. All channels of a tap, then those of the next, would come
/// back to a pixel only after its neighbours' channels have all passed by; taken `depth` channels at a time
/// and all taps of these first, the caches still hold what the taps of a patch share.
template <int depth>
class StepOrder {
 public:
  /// All elements in turn.
  DUEL_HOST_DEVICE constexpr StepOrder() : StepOrder(depth, everything) {}
  /// Of `columns` elements, `channels` a tap.
  DUEL_HOST_DEVICE static StepOrder taps_first(int channels, int columns) {
    return whole_taps(channels, depth) ? StepOrder(channels, columns) : StepOrder();
  }
  /// Where the step begins that comes behind the one that begins at k.
  DUEL_HOST_DEVICE int after(int k) const {
    return k < last_tap_ ? k + stride_ : k + stride_ - columns_ + depth;
  }

 private:
  static constexpr int everything = std::numeric_limits<int>::max();

  DUEL_HOST_DEVICE constexpr StepOrder(int stride, int columns)
      : stride_(stride), columns_(columns), last_tap_(columns - stride) {}

  int stride_, columns_, last_tap_;
};

}  // namespace duel::cuda
