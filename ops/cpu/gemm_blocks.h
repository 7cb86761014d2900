// Products of operands that are packed on the way, cut into blocks for the caches and tasks for the threads.
//
// A block is up to 16 tiles of rows by a group of panels. For each block of the depth (at most max_depth
// steps) its tiles of A are packed into this thread's L2 cache as the first panel needs them; each panel of B
// then stays in L1 while all tiles run past it. Panels of B that several blocks of rows use (weights) are
// packed once, by all threads, before the blocks start; with one block of rows, the thread that needs a panel
// packs it, and nothing is written back to memory.
//
// Every element of C sums its depth in one fixed order, whatever the blocks are, so the result does not
// depend on the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "ops/cpu/gemm_epilogue.h"
#include "ops/cpu/gemm_operands.h"

namespace duel::cpu {

/// Where the rows of C are: one per pixel (i, gy, gx) of a grid, gx fastest, the strides in floats.
/// A matrix is a grid of one pixel per picture.
struct OutputRows {
  float* base;
  int64_t grid_h, grid_w;
  int64_t picture_stride, row_stride, pixel_stride;

  /// The addresses of rows row .. row+rows-1.
  void locate(int64_t row, int64_t rows, float** out) const;
};

inline OutputRows matrix_rows(float* data, int64_t columns) { return {data, 1, 1, columns, 0, 0}; }

/// C = or += A B over the steps k_begin .. k_begin + k - 1 of the operands, then the epilogue.
struct Product {
  int64_t m, n, k;
  const LeftOperand* a;
  const RightOperand* b;
  OutputRows c;
  bool accumulate = false;
  Epilogue epilogue = {};
  int64_t k_begin = 0;
};

constexpr size_t max_products = 16;

/// Computes up to max_products products at once; none may write what another one reads or writes.
void multiply(std::span<const Product> products);

// ---- the pieces, for kernels that schedule the blocks themselves ----

/// How the depth of a product is cut; k = 0 is one empty block.
struct DepthBlocks {
  explicit DepthBlocks(int64_t k);
  int64_t count, depth;
};

/// All of B packed, panel by panel for each block of the depth.
struct PackedRight {
  static int64_t floats(const Microkernels& kernels, const Product& product);
  /// Pieces that threads can pack independently: one per block of the depth and panel.
  static int64_t pieces(const Microkernels& kernels, const Product& product);
  static void pack_piece(const Microkernels& kernels, const Product& product, int64_t piece, float* packed);
};

/// One thread's buffers.
class BlockWorker {
 public:
  /// Most rows of a block.
  static int64_t max_rows(const Microkernels& kernels) { return 16 * kernels.tile_rows; }
  static int64_t floats(const Microkernels& kernels);
  BlockWorker(const Microkernels& kernels, float* buffer);

  /// The block of rows row .. row+rows-1 and the panels first_panel .. first_panel+panels-1.
  /// `packed` is all of B packed, or null: then panels are packed here.
  void run(const Product& product, int64_t row, int64_t rows, int64_t first_panel, int64_t panels,
           const float* packed);

 private:
  const Microkernels& kernels_;
  float* left_;   // tiles of A
  float* panel_;  // one of B
  float** rows_;  // of C
};

}  // namespace duel::cpu
