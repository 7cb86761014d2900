// The factors of the three products that a convolution is, for tile_product.cuh, and what their launches
// share.
#pragma once

#include <type_traits>

#include "cuda/pack.cuh"
#include "cuda/product_target.cuh"
#include "cuda/tile_product.cuh"
#include "lib/conv2d_patches.h"
#include "lib/kernels.h"

namespace duel::cuda {

// ---- factors ----
// `one_tap`: see whole_taps(); the tap of a step is then looked up once.

/// The patches of a picture as the left factor: m is a row, k a column.
template <int pack, bool one_tap>
struct PatchRows {
  const PatchMatrix& patches;
  const float* picture;

  static constexpr int width = pack;
  static constexpr bool along_k = true;
  using Line = PatchMatrix::Row;
  using Step = PatchMatrix::Column;
  __device__ Line line(int m) const { return patches.row(m); }
  __device__ Step step(int k, int ahead) const {
    if (!one_tap) return patches.column(k + ahead);
    Step step = patches.column(k);
    step.index += ahead;
    return step;
  }
  __device__ Source source(const Line& line, const Step& step) const {
    return {picture + line.index + step.index, patches.inside(line, step)};
  }
};

/// The patches as the right factor of the weight gradient: k is a row, n a column.
template <int pack>
struct PatchColumns {
  const PatchMatrix& patches;
  const float* picture;

  static constexpr int width = pack;
  static constexpr bool along_k = false;
  using Line = PatchMatrix::Column;
  using Step = PatchMatrix::Row;
  __device__ Line line(int n) const { return patches.column(n); }
  __device__ Step step(int k, int ahead) const { return patches.row(k + ahead); }
  __device__ Source source(const Line& line, const Step& step) const {
    return {picture + step.index + line.index, patches.inside(step, line)};
  }
};

/// The weight of a forward convolution, whose elements along k are neighbours: n is an output channel.
template <int pack>
struct WeightRows {
  const float* weight;
  int channels, depth;

  static constexpr int width = pack;
  static constexpr bool along_k = true;
  using Line = Source;
  using Step = int;
  __device__ Line line(int n) const { return {weight + static_cast<int64_t>(n) * depth, n < channels}; }
  __device__ Step step(int k, int ahead) const { return k + ahead; }
  __device__ Source source(const Line& line, Step k) const { return {line.at + k, line.valid && k < depth}; }
};

/// The part of the weight that a phase of the data gradient meets: k is a tap and a channel of dy, n a
/// channel of dx.
template <int pack, bool one_tap>
struct PhaseWeight {
  const DgradPhase& phase;
  const float* weight;
  int channels;

  static constexpr int width = pack;
  static constexpr bool along_k = false;
  using Line = Source;
  using Step = int;
  __device__ Line line(int n) const { return {weight + n, n < channels}; }
  __device__ Step step(int k, int ahead) const {
    return one_tap ? phase.weight_row(k) + ahead * phase.weight_oc : phase.weight_row(k + ahead);
  }
  __device__ Source source(const Line& line, Step row) const {
    if (!one_tap && row < 0) return {line.at, false};
    return {line.at + row, line.valid};
  }
};

/// dy as the left factor of the weight gradient: k is an output pixel, m a channel.
template <int pack>
struct PixelChannels {
  const float* dy;
  int channels, pixels;

  static constexpr int width = pack;
  static constexpr bool along_k = false;
  using Line = Source;
  using Step = int;
  __device__ Line line(int m) const { return {dy + m, m < channels}; }
  __device__ Step step(int k, int ahead) const { return k + ahead; }
  __device__ Source source(const Line& line, Step k) const {
    return {line.at + static_cast<int64_t>(k) * channels, line.valid && k < pixels};
  }
};

// ---- launches ----

/// How a kernel fetches its factors: so many neighbouring floats of each at once, and `one_tap`.
template <int a_, int b_, bool one_tap_>
struct Fetch {
  static constexpr int a = a_, b = b_;
  static constexpr bool one_tap = one_tap_;
};

/// What the factors of a product allow.
struct Layout {
  bool a_in_fours, b_in_fours;  // whether four neighbours can be fetched at once
  bool one_tap;
};

/// Whether every four of `data`, which holds `channels` a pixel, begin where they may be fetched at once.
inline bool in_fours(int64_t channels, const float* data) {
  return channels % 4 == 0 && aligned_to_pack<4>(data);
}

/// Calls launch(arithmetic, tile, fetch) with values of the types that these stand for. Float32, which is for
/// checks, and factors that do not come in fours or in whole taps have one tile each, which spares the
/// compiler most of what could be asked for. `left_alone`: whether the left factor may come in fours where
/// the right one does not.
template <class OddTile, bool left_alone, class Launch>
void dispatch_product(Precision precision, TileSize size, const Layout& layout, const Launch& launch) {
  const auto with = [&]<class Arithmetic>(Arithmetic arithmetic) {
    if (layout.a_in_fours && layout.b_in_fours) {
      if (!layout.one_tap) return launch(arithmetic, MiddleTile{}, Fetch<4, 4, false>{});
      using Best = Fetch<4, 4, true>;
      if constexpr (!std::is_same_v<Arithmetic, Float32Arithmetic>) {
        if (size == TileSize::Wide) return launch(arithmetic, WideTile{}, Best{});
        if (size == TileSize::Small) return launch(arithmetic, SmallTile{}, Best{});
        if (size == TileSize::Narrow) return launch(arithmetic, NarrowTile{}, Best{});
      }
      return launch(arithmetic, MiddleTile{}, Best{});
    }
    if constexpr (left_alone) {
      if (layout.a_in_fours && layout.one_tap) return launch(arithmetic, OddTile{}, Fetch<4, 1, true>{});
    }
    return launch(arithmetic, OddTile{}, Fetch<1, 1, false>{});
  };
  switch (precision) {
    case Precision::Float32:
      return with(Float32Arithmetic{});
    case Precision::Tf32:
      return with(Tf32Arithmetic{});
    case Precision::Bf16:
      return with(Bf16Arithmetic{});
  }
}

/// Blocks of a product that a multiprocessor shall have registers for: they hide each other's barriers. The
/// sums of a wide tile take half of a thread's registers, and single floats take more to look up.
template <class Tile, class Fetch>
constexpr int blocks_at_once = std::is_same_v<Tile, WideTile> || Fetch::a == 1 ? 2 : 3;

/// The body of a kernel of products, which is empty for cards before compute capability 8.0: they lack its
/// instructions and are never asked.
template <class Body>
__device__ void on_products_card(const Body& body) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  body();
#endif
}

DUEL_HOST_DEVICE constexpr int product_steps(int64_t k) {
  return static_cast<int>(ceil_divide(k, product_depth));
}

}  // namespace duel::cuda
