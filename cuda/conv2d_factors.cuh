// The factors of the three products that a convolution is, for tile_product.cuh, and what their launches
// share.
#pragma once

#include "cuda/pack.cuh"
#include "cuda/tile_product.cuh"
#include "lib/conv2d_patches.h"
#include "lib/kernels.h"

namespace duel::cuda {

/// Blocks that a multiprocessor shall have registers for: two hide each other's barriers, but single floats
/// instead of packs need more registers than that leaves.
template <int width>
constexpr int blocks_at_once = width == 1 ? 1 : 2;

template <int width>
__device__ Pack<float, width> load_or_zero(const float* data, int64_t index) {
  return index < 0 ? Pack<float, width>{} : load_pack<width>(data, index / width);
}

/// The patches of a picture as the left factor: m is a row, k a column.
template <int pack>
struct PatchRows {
  PatchMatrix patches;
  const float* picture;

  static constexpr int width = pack;
  static constexpr bool along_k = true;
  using Line = PatchMatrix::Row;
  using Step = PatchMatrix::Column;
  __device__ Line line(int m) const { return patches.row(m); }
  __device__ Step step(int k) const { return patches.column(k); }
  __device__ Pack<float, width> load(const Line& line, const Step& step) const {
    return load_or_zero<width>(picture, patches.index(line, step));
  }
};

/// The patches as the right factor of the weight gradient: k is a row, n a column.
template <int pack>
struct PatchColumns {
  PatchMatrix patches;
  const float* picture;

  static constexpr int width = pack;
  static constexpr bool along_k = false;
  using Line = PatchMatrix::Column;
  using Step = PatchMatrix::Row;
  __device__ Line line(int n) const { return patches.column(n); }
  __device__ Step step(int k) const { return patches.row(k); }
  __device__ Pack<float, width> load(const Line& line, const Step& step) const {
    return load_or_zero<width>(picture, patches.index(step, line));
  }
};

/// A stored matrix, `lines` by `steps`, whose element (i, k) stands at i * line_stride + k * step_stride, one
/// of which is 1.
template <int pack, bool steps_are_neighbours>
struct Stored {
  const float* data;
  int lines, steps, stride;  // from one line, or one step, to the next, whichever are not neighbours

  static constexpr int width = pack;
  static constexpr bool along_k = steps_are_neighbours;
  using Line = int64_t;
  using Step = int64_t;
  __device__ Line line(int i) const { return place(i, lines, !along_k); }
  __device__ Step step(int k) const { return place(k, steps, along_k); }
  __device__ Pack<float, width> load(Line line, Step step) const {
    return load_or_zero<width>(data, line < 0 || step < 0 ? -1 : line + step);
  }

 private:
  __device__ int64_t place(int i, int count, bool neighbours) const {
    return i >= count ? -1 : neighbours ? i : static_cast<int64_t>(i) * stride;
  }
};

/// The part of the weight that a phase of the data gradient meets: k is a tap and a channel of dy, n a
/// channel of dx.
template <int pack>
struct PhaseWeight {
  const Conv2dShape& shape;
  const DgradPhase& phase;
  const float* weight;

  static constexpr int width = pack;
  static constexpr bool along_k = false;
  using Line = int64_t;
  using Step = int64_t;
  __device__ Line line(int n) const { return n < shape.ic ? n : -1; }
  __device__ Step step(int k) const { return phase.weight_row(shape, k); }
  __device__ Pack<float, width> load(Line line, Step step) const {
    return load_or_zero<width>(weight, line < 0 || step < 0 ? -1 : line + step);
  }
};

/// Calls launch(arithmetic, width) with a value of the type that `precision` stands for and the number of
/// neighbouring floats, 4 or 1, that can be loaded at once, as an integral_constant.
template <class Launch>
void dispatch_product(Precision precision, bool packed, const Launch& launch) {
  const auto with = [&](auto arithmetic) {
    if (packed) {
      launch(arithmetic, std::integral_constant<int, pack_width<float>>{});
    } else {
      launch(arithmetic, std::integral_constant<int, 1>{});
    }
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

/// Whether every pack of these, which hold `s.ic` or `s.oc` channels, begins where one may be loaded.
inline bool packed(const Conv2dShape& s, const float* a, const float* b) {
  constexpr int width = pack_width<float>;
  return s.ic % width == 0 && s.oc % width == 0 && aligned_to_pack<width>(a) && aligned_to_pack<width>(b);
}

inline int tiles_along(int64_t length, int tile) { return static_cast<int>(ceil_divide(length, tile)); }

}  // namespace duel::cuda
