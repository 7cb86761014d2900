// The innermost loops of the fast products, one table of functions per instruction set.
//
// A product C (m x n) = A (m x k) B (k x n) is cut into tiles of at most `tile_rows` rows by one panel (two
// vectors) of columns, which live in registers while a block of the depth k runs past. Each step of the depth
// loads the panel's two vectors of B and broadcasts one element of A per row. With 14 rows of two vectors
// that is 28 accumulators + 2 of B + 1 of A = 31 of the 32 AVX-512 registers, and 16 loads against 28
// multiply-adds, where the processor can do as many loads as multiply-adds. AVX2 with its 16 registers has
// room for 6 rows.
//
// A broadcast costs the same whatever lies next to the element, so A needs no transposition: its tile is
// packed row by row (RowMajor: rows of A are runs of memory, as for a convolution's forward and data
// gradient) or step by step (DepthMajor: columns of A are, as for a weight gradient). Packing gives both
// compile-time strides, hence one address register for all rows, and moves them out of each other's cache
// sets.
#pragma once

#include <cstdint>

#include "ops/cpu/cpu_features.h"
#include "ops/cpu/gemm_epilogue.h"

namespace duel::cpu {

/// Most steps of the depth in one block: a panel of 32 columns then takes 32 KiB, a tile of A 14 KiB.
constexpr int64_t max_depth = 256;
/// Not a power of two: rows 1 KiB apart would share cache sets.
constexpr int64_t left_row_stride = max_depth + 16;
constexpr int max_tile_rows = 14;

/// How a packed tile of A lies in memory: element (r, k) at r * left_row_stride + k, or at
/// k * Microkernels::left_depth_stride + r.
enum class LeftLayout { RowMajor, DepthMajor };

struct Tile {
  const float* a;  ///< packed, see LeftLayout
  const float* b;  ///< packed: (depth, panel columns)
  int64_t depth;
  float* const* c;           ///< the rows of C, each from its column 0
  int64_t column;            ///< of the first one
  int64_t columns;           ///< 1 .. panel columns
  bool accumulate;           ///< C += rather than C =
  const float* wanted;       ///< prefetched to L2, one cache line per step of the depth, unless null
  const Epilogue* epilogue;  ///< applied before storing unless null; Tanh is not: see Microkernels::tanh
};

/// The patches of a batch of channels-last pictures as the rows of a matrix that is never stored (im2col).
/// Row (i, gy, gx), gx fastest, is the patch whose tap (0, 0) lies on the pixel
/// (gy * step_h + first_h, gx * step_w + first_w) of picture i; column (ty, tx, channel) is the tap (ty, tx)
/// from there. Pixels outside the picture are zero. The columns of one ty are a run of memory.
struct Patches {
  const float* pictures;
  int64_t height, width, channels;
  int64_t grid_h, grid_w;  ///< patches per picture
  int64_t step_h, step_w, first_h, first_w;
  int64_t taps_h, taps_w;
};

struct Microkernels {
  Isa isa;
  int64_t tile_rows;          ///< rows of the largest tile, at most max_tile_rows
  int64_t left_depth_stride;  ///< room for tile_rows
  int64_t vector;             ///< floats in a vector register
  int64_t panel;              ///< columns of a panel: two vectors

  /// tile[layout][vectors - 1][rows - 1] computes a tile of so many rows and `vectors` vectors of columns.
  void (*tile[2][2][max_tile_rows])(const Tile&);

  /// out[r * out_stride + c] = element (row + r, column + c) of the patch matrix. The memory `ahead` floats
  /// after each element read is prefetched.
  void (*gather_patches)(const Patches&, int64_t row, int64_t rows, int64_t column, int64_t columns,
                         float* out, int64_t out_stride, int64_t ahead);

  /// The inverse: adds in[r * in_stride + c] to what element (row + r, c) of the patch matrix stands for in
  /// `pictures`, whose geometry is that of the patches. Columns: all of them.
  void (*scatter_patches)(const Patches&, int64_t row, int64_t rows, const float* in, int64_t in_stride,
                          float* pictures);

  /// out[r * out_stride + c] = in[r * in_stride + c].
  void (*copy_rows)(const float* in, int64_t in_stride, int64_t rows, int64_t columns, float* out,
                    int64_t out_stride);

  /// out[r * out_stride + c] += in[r * in_stride + c].
  void (*add_rows)(const float* in, int64_t in_stride, int64_t rows, int64_t columns, float* out,
                   int64_t out_stride);

  /// out[c * out_stride + r] = in[r * in_stride + c].
  void (*transpose)(const float* in, int64_t in_stride, int64_t rows, int64_t columns, float* out,
                    int64_t out_stride);

  /// The activation of `epilogue`, Tanh too, on `count` elements in place; its bias is not added.
  void (*activate)(const Epilogue& epilogue, float* y, int64_t count);
};

/// The table of an instruction set that this machine supports.
const Microkernels& microkernels(Isa isa);
inline const Microkernels& microkernels() { return microkernels(active_isa()); }

}  // namespace duel::cpu
