// The factors of the three products that a convolution is, for tile_product.cuh, and what their launches
// share.
#pragma once

#include <type_traits>

#include "cuda/conv2d_patches.h"
#include "cuda/pack.cuh"
#include "cuda/product_target.cuh"
#include "cuda/queue.h"
#include "cuda/tile_product.cuh"
#include "lib/kernels.h"

namespace duel::cuda {

/// How a kernel fetches its factors: so many neighbours of each at once, `depth` elements of k a step.
/// `one_tap`: all elements of a step belong to one tap (see whole_taps()), which is then looked up once.
template <class Element_, int a_, int b_, bool one_tap_, int depth_ = product_depth>
struct Fetch {
  using Element = Element_;
  static constexpr int a = a_, b = b_, depth = depth_;
  static constexpr bool one_tap = one_tap_;
};

// ---- factors ----

/// The patches of a picture as the left factor: m is a row, k a column.
template <class Fetch>
struct PatchRows {
  using Element = typename Fetch::Element;
  const PatchMatrix& patches;
  const Element* picture;

  static constexpr int width = Fetch::a, depth = Fetch::depth;
  static constexpr bool along_k = true;
  using Line = PatchMatrix::Row;
  using Step = PatchMatrix::Column;
  __device__ Line line(int m) const { return patches.row(m); }
  __device__ Step step(int k, int ahead) const {
    if (!Fetch::one_tap) return patches.column(k + ahead);
    Step step = patches.column(k);
    step.index += ahead;
    return step;
  }
  __device__ Source<Element> source(const Line& line, const Step& step) const {
    return {picture + line.index + step.index, patches.inside(line, step)};
  }
};

/// The patches as the right factor of the weight gradient: k is a row, n a column.
template <class Fetch>
struct PatchColumns {
  using Element = typename Fetch::Element;
  const PatchMatrix& patches;
  const Element* picture;

  static constexpr int width = Fetch::b, depth = Fetch::depth;
  static constexpr bool along_k = false;
  using Line = PatchMatrix::Column;
  using Step = PatchMatrix::Row;
  __device__ Line line(int n) const { return patches.column(n); }
  __device__ Step step(int k, int ahead) const { return patches.row(k + ahead); }
  __device__ Source<Element> source(const Line& line, const Step& step) const {
    return {picture + step.index + line.index, patches.inside(step, line)};
  }
};

/// Row n of a weight whose elements along k are neighbours, `pitch` elements from one to the next. An index,
/// as a thread has many of them, which have to fit registers; past the last row that of the first.
struct WeightLine {
  int index;
  bool valid;

  __device__ static WeightLine of(int n, int rows, int pitch) { return {n < rows ? n * pitch : 0, n < rows}; }
};

/// The weight of a forward convolution, whose elements along k are neighbours: n is an output channel.
/// `pitch` elements from one to the next.
template <class Fetch>
struct WeightRows {
  using Element = typename Fetch::Element;
  const Element* weight;
  int channels, pitch;

  static constexpr int width = Fetch::b, depth = Fetch::depth;
  static constexpr bool along_k = true;
  using Line = WeightLine;
  using Step = int;
  __device__ Line line(int n) const { return Line::of(n, channels, pitch); }
  __device__ Step step(int k, int ahead) const { return k + ahead; }
  __device__ Source<Element> source(const Line& line, Step k) const {
    return {weight + (line.index + k), line.valid && k < pitch};
  }
};

/// The part of the weight that a phase of the data gradient meets: k is a tap and a channel of dy, n a
/// channel of dx.
template <class Fetch>
struct PhaseWeight {
  using Element = typename Fetch::Element;
  const DgradPhase& phase;
  const Element* weight;
  int channels;

  static constexpr int width = Fetch::b, depth = Fetch::depth;
  static constexpr bool along_k = false;
  using Line = Source<Element>;
  using Step = int;
  __device__ Line line(int n) const { return {weight + n, n < channels}; }
  __device__ Step step(int k, int ahead) const {
    return Fetch::one_tap ? phase.weight_row(k) + ahead * phase.weight_oc : phase.weight_row(k + ahead);
  }
  __device__ Source<Element> source(const Line& line, Step row) const {
    if (!Fetch::one_tap && row < 0) return {line.at, false};
    return {line.at + row, line.valid};
  }
};

/// The same of a weight that was turned (Form::Tf32Turned), whose elements along k are neighbours; all
/// elements of a step belong to one tap.
template <class Fetch>
struct TurnedPhaseWeight {
  using Element = typename Fetch::Element;
  const DgradPhase& phase;
  const Element* weight;
  int channels;

  static constexpr int width = Fetch::b, depth = Fetch::depth;
  static constexpr bool along_k = true;
  using Line = WeightLine;
  using Step = int;
  __device__ Line line(int n) const { return Line::of(n, channels, phase.weight_ic); }
  __device__ Step step(int k, int ahead) const { return phase.weight_row(k) + ahead; }
  __device__ Source<Element> source(const Line& line, Step row) const {
    return {weight + (line.index + row), line.valid};
  }
};

/// dy as the left factor of the weight gradient: k is an output pixel, m a channel.
template <class Fetch>
struct PixelChannels {
  using Element = typename Fetch::Element;
  const Element* dy;
  int channels, pixels;

  static constexpr int width = Fetch::a, depth = Fetch::depth;
  static constexpr bool along_k = false;
  using Line = Source<Element>;
  using Step = int;
  __device__ Line line(int m) const { return {dy + m, m < channels}; }
  __device__ Step step(int k, int ahead) const { return k + ahead; }
  __device__ Source<Element> source(const Line& line, Step k) const {
    return {line.at + static_cast<int64_t>(k) * channels, line.valid && k < pixels};
  }
};

// ---- launches ----

/// What the factors of a product allow.
struct Layout {
  bool a_in_packs, b_in_packs;  // whether 16 bytes of neighbours can be fetched at once
  int64_t channels;             // of a tap that k runs over; 0: it runs over none

  bool one_tap(int depth) const { return whole_taps(channels, depth); }
};

/// Whether all packs of `data`, which holds `channels` a pixel, begin where they may be fetched at once.
template <class Element>
bool in_packs(int64_t channels, const Element* data) {
  constexpr int width = pack_width<Element>;
  return channels % width == 0 && aligned_to_pack<width>(data);
}

/// Whether the rows of a weight begin on packs whatever their length: see PaddedRows.
template <class Element>
constexpr bool padded_weight = std::is_same_v<Element, BFloat16>;

/// Which layouts the factors of a kind of product can have.
struct ProductKind {
  bool taps;         // k runs over taps, so that one_tap may be false
  bool right_packs;  // the right factor always comes in packs
  bool left_alone;   // the left one may come in packs where the right one does not
  bool across;       // both lie across k, which warpgroups read in bfloat16 alone
};

/// Calls launch(arithmetic, tile, fetch) with values of the types that these stand for. Float32, which is for
/// checks, and factors that do not come in packs or in whole taps have one tile each, which spares the
/// compiler most of what could be asked for.
template <class OddTile, ProductKind kind, class Arithmetic, class Launch>
void dispatch_tile(Arithmetic arithmetic, TileSize size, const Layout& layout, const Launch& launch) {
  using Element = typename Arithmetic::Element;
  constexpr int pack = pack_width<Element>;
  if (layout.a_in_packs && layout.b_in_packs) {
    if constexpr (kind.taps) {
      if (!layout.one_tap(Arithmetic::most_depth))
        return launch(arithmetic, MiddleTile{}, Fetch<Element, pack, pack, false>{});
    }
    using Best = Fetch<Element, pack, pack, true, Arithmetic::most_depth>;
    if constexpr (!std::is_same_v<Arithmetic, Float32Arithmetic>) {
      if (size == TileSize::Wide) return launch(arithmetic, WideTile{}, Best{});
      if (size == TileSize::Small) return launch(arithmetic, SmallTile{}, Best{});
      if (size == TileSize::Narrow) return launch(arithmetic, NarrowTile{}, Best{});
    }
    return launch(arithmetic, MiddleTile{}, Best{});
  }
  if constexpr (kind.left_alone) {
    // Single elements of bfloat16 are waited for once a step: the fewer steps, the better.
    constexpr int depth = Arithmetic::most_depth;
    if (layout.a_in_packs && layout.one_tap(depth))
      return launch(arithmetic, OddTile{}, Fetch<Element, pack, 1, true, depth>{});
  }
  constexpr int right = kind.right_packs ? pack : 1;
  return launch(arithmetic, OddTile{}, Fetch<Element, 1, right, false>{});
}

/// Of warpgroups with a narrow tile, whose few sums leave room for many.
constexpr int narrow_group_blocks = 4;

/// The same for warpgroups. blocks(tile, depth) is how many blocks there will be.
template <class Element, class Blocks, class Launch>
void dispatch_group(const Queue& queue, TileSize size, const Blocks& blocks, const Launch& launch) {
  constexpr int pack = pack_width<Element>, depth = GroupArithmetic<Element, 1>::most_depth;
  using Best = Fetch<Element, pack, pack, true, depth>;
  const auto launch_tile = [&](auto tile) {
    if (blocks(tile, depth) <= queue.multiprocessors())
      return launch(GroupArithmetic<Element, 1>{}, tile, Best{});
    launch(GroupArithmetic<Element, 2>{}, tile, Best{});
  };
  if (size == TileSize::Wide) return launch_tile(WideTile{});
  if (size == TileSize::Middle) return launch_tile(MiddleTile{});
  if (size == TileSize::Small) return launch_tile(SmallTile{});
  launch(GroupArithmetic<Element, narrow_group_blocks>{}, NarrowTile{}, Best{});
}

/// Whether warpgroups multiply: they fetch only packs, and many of one tap.
template <class Element>
bool as_group(const Queue& queue, Precision precision, const Layout& layout) {
  const bool possible = std::is_same_v<Element, BFloat16> || precision == Precision::Tf32;
  return possible && queue.has_warpgroups() && layout.a_in_packs && layout.b_in_packs &&
         layout.one_tap(GroupArithmetic<Element, 1>::most_depth);
}

/// The same with the arithmetic of the elements: bfloat16, or float32 as the precision says; by warpgroups
/// where they can.
template <class Element, class OddTile, ProductKind kind, class Blocks, class Launch>
void dispatch_product(const Queue& queue, Precision precision, TileSize size, const Layout& layout,
                      const Blocks& blocks, const Launch& launch) {
  constexpr bool bf16 = std::is_same_v<Element, BFloat16>;
  if constexpr (bf16 || !kind.across) {
    if (as_group<Element>(queue, precision, layout))
      return dispatch_group<Element>(queue, size, blocks, launch);
  }
  if constexpr (bf16) {
    dispatch_tile<OddTile, kind>(Bf16Arithmetic{}, size, layout, launch);
  } else if (precision == Precision::Tf32) {
    dispatch_tile<OddTile, kind>(Tf32Arithmetic{}, size, layout, launch);
  } else {
    dispatch_tile<OddTile, kind>(Float32Arithmetic{}, size, layout, launch);
  }
}

/// Blocks of a product that a multiprocessor shall have registers for: they hide each other's barriers. The
/// sums of a wide tile take half of a thread's registers, and single elements take more to look up.
template <class Arithmetic, class Tile, class Fetch>
constexpr int blocks_at_once = std::is_same_v<Tile, WideTile> || Fetch::a == 1 ? 2 : 3;
template <class Element, int blocks, class Tile, class Fetch>
constexpr int blocks_at_once<GroupArithmetic<Element, blocks>, Tile, Fetch> = blocks;

/// The body of a kernel of products, which is empty for cards that lack its instructions and are never asked:
/// those before compute capability 8.0, and for warpgroups all but 9.0.
template <class Arithmetic, class Body>
__device__ void on_products_card(const Body& body) {
#if defined(__CUDA_ARCH__) && !defined(__CUDA_ARCH_FEAT_SM90_ALL)
  if constexpr (Arithmetic::asynchronous) return;
#endif
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  body();
#endif
}

}  // namespace duel::cuda
