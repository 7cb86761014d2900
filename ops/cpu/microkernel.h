// The innermost loops of the fast products, one table of functions per instruction set.
//
// A product C (m x n) = A (m x k) B (k x n) is cut into tiles of at most `tile_rows` rows by one panel (two
// vectors) of columns, which live in registers while a block of the depth k runs past. Each step of the depth
// loads the panel's two vectors of B and broadcasts one element of A per row. With 14 rows of two vectors
// that is 28 accumulators + 2 of B + 1 of A = 31 of the 32 AVX-512 registers, and 16 loads against 28
// multiply-adds, where the processor can do as many loads as multiply-adds. AVX2 with its 16 registers has
// room for 6 rows.
//
// A broadcast costs the same whatever lies next to the element, so neither operand is ever transposed on its
// account:
//
// LeftLayout::Rows, where rows of A are runs of memory (the patches of a convolution's forward and data
// gradient): a tile of A is packed row by row with a constant stride, hence one address register for all rows
// and no two rows in the same cache sets; B is packed in panels.
//
// LeftLayout::Columns, where columns of A are runs of memory (a weight gradient: dy): a step's elements of A
// lie side by side and those of B are a run as well (a pixel of x), so both can be read where they are, B
// through one pointer per step, and nothing needs to be packed. Each step then takes a cache line of A and
// one of B from L2, which the tiles of AVX2, six cycles a step, would wait for: see least_packed_panels.
#pragma once

#include <cstdint>

#include "ops/cpu/cpu_features.h"
#include "ops/cpu/gemm_epilogue.h"

namespace duel::cpu {

/// Most steps of the depth in one block: a panel of 32 columns then takes 32 KiB, a tile of A 15 KiB.
constexpr int64_t max_depth = 256;
/// Not a power of two: rows 1 KiB apart would share cache sets.
constexpr int64_t left_row_stride = max_depth + 16;
constexpr int max_tile_rows = 32;

enum class LeftLayout { Rows, Columns };

/// One tile of a product. Where the microkernels take pairs (see Microkernels::pairs), a step of the depth is
/// a pair of the product's steps, and an element of A or B two bfloat16 numbers in the place of a float.
struct Tile {
  /// Rows: element (r, k) is a[r * left_row_stride + k]. Columns: a[k * a_step + r].
  const float* a;
  int64_t a_step;
  /// Rows: element (k, j) is b[k * panel + j]. Columns: b_rows[k][b_offset + j].
  const float* b;
  const float* const* b_rows;
  int64_t b_offset;
  int64_t depth;

  float* const* c;  ///< the rows of C, each from its column 0
  int64_t column;   ///< of the first one
  /// The result goes to so many places: this many floats after the element of C (minimal filtering).
  int64_t destinations = 1;
  int64_t offsets[4] = {};
  int64_t columns;           ///< 1 .. panel columns
  bool accumulate;           ///< C += rather than C =
  const Epilogue* epilogue;  ///< applied before storing unless null; Tanh is not: see Microkernels::activate

  /// Each step of the depth prefetches a cache line to L2: the next one is this many bytes further on.
  const void* wanted;
  int64_t wanted_step;
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
  int64_t tile_rows;  ///< rows of the largest tile, at most max_tile_rows
  int64_t vector;     ///< floats in a vector register
  int64_t panel;      ///< columns of a panel: two vectors
  int64_t left_step;  ///< Columns: floats from one step of a packed tile of A to the next
  /// Columns: the least panels for a tile of A with which both factors are packed, rather than read in place.
  int64_t least_packed_panels;

  /// tile[layout][vectors - 1][rows - 1], up to tile_rows of them, computes a tile of so many rows and
  /// `vectors` vectors of columns.
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

  /// For products with bfloat16 factors, else null: the floats of a packed tile of A, pair_left[layout], or
  /// of a packed panel of B become pairs of steps. A last odd step is paired with 0. The pairs of B stand in
  /// the floats' place; those of A where the result says, in a buffer of left_floats().
  const float* (*pair_left[2])(float* left, int64_t rows, int64_t depth);
  void (*pair_right)(float* panel, int64_t depth);
  bool pairs() const { return pair_right != nullptr; }
  /// Steps of a block of the depth as the tiles count them.
  int64_t tile_depth(int64_t depth) const { return pairs() ? (depth + 1) / 2 : depth; }

  /// Room for a packed tile of A.
  int64_t left_floats() const {
    const int64_t rows = tile_rows * left_row_stride, columns = max_depth * left_step;
    return pairs() ? rows + columns : rows > columns ? rows : columns;
  }

  /// To be called by each thread before and after it uses the tiles, unless null.
  void (*begin)();
  void (*end)();

  /// The transforms of minimal filtering (conv2d_filtered.h), on runs of `count` channels; result i goes to
  /// out + i * out_stride.
  /// input: the 9 results B^T d B of 3 x 3 pixels. taps: the 9 results G g G^T of 2 x 2 taps.
  void (*filter_input)(const float* const* pixels, int64_t count, float* out, int64_t out_stride);
  void (*filter_taps)(const float* const* taps, int64_t count, float* out, int64_t out_stride);
  /// filter_input for a row of a packed tile of A (LeftLayout::Rows). Where the microkernels take pairs it
  /// writes these, count / 2 floats of each result; null where such products cannot be filtered.
  void (*filter_row)(const float* const* pixels, int64_t count, float* out, int64_t out_stride);

  /// The activation of `epilogue`, Tanh too, on `count` elements in place; its bias is not added.
  void (*activate)(const Epilogue& epilogue, float* y, int64_t count);
};

/// The table of an instruction set that this machine supports; with bfloat16 factors only from Avx512 on.
const Microkernels& microkernels(Isa isa, bool bf16 = false);
inline const Microkernels& microkernels() { return microkernels(active_isa(), active_bf16()); }

}  // namespace duel::cpu
