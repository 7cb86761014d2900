// Products of operands that are packed on the way: how one block is computed by one thread.
//
// The depth is cut into blocks of at most max_depth steps. For each, a tile of A (15 KiB) stays in L1 while
// the panels of B (32 KiB each) stream past it from L2: panels packed beforehand (weights, which many blocks
// of rows use), packed here for this block alone, or not packed at all but read where they lie. What comes
// next - the following block of the depth, the following rows - is prefetched into L2 by the microkernels
// meanwhile. Every element of C sums its depth in one fixed order, however the blocks are cut and dealt out.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/divisor.h"
#include "ops/cpu/gemm_epilogue.h"
#include "ops/cpu/gemm_operands.h"
#include "ops/cpu/microkernel.h"

namespace duel::cpu {

/// Where the rows of C are: one per pixel (i, gy, gx) of a grid, gx fastest, the strides in floats.
struct OutputRows {
  float* base;
  int64_t grid_h, grid_w;
  int64_t picture_stride, row_stride, pixel_stride;

  /// The addresses of rows row .. row+rows-1.
  void locate(int64_t row, int64_t rows, float** out) const;
};

/// A matrix is a grid of one pixel per picture.
inline OutputRows matrix_rows(float* data, int64_t row_length) { return {data, 1, 1, row_length, 0, 0}; }

/// C (m x n) = or += A B over the steps k_begin .. k_begin+k-1 of the operands, then the epilogue.
struct Product {
  int64_t m, n, k;
  const LeftOperand* a;
  const RightOperand* b;
  OutputRows c;
  bool accumulate = false;
  Epilogue epilogue = {};
  int64_t k_begin = 0;

  int64_t panels(const Microkernels& kernels) const { return ceil_divide(n, kernels.panel); }
};

/// How a depth is cut. No depth at all is one empty block, so that C is still written.
struct DepthBlocks {
  explicit DepthBlocks(int64_t k);
  int64_t count, depth;
};

/// All of B packed: for each block of the depth, panel by panel.
class PackedRight {
 public:
  static int64_t floats(const Microkernels& kernels, const Product& product);
  PackedRight() = default;
  PackedRight(const Microkernels& kernels, const Product& product, float* buffer);

  /// Pieces can be packed by different threads: one per block of the depth and panel.
  int64_t pieces() const { return blocks_ * panels_; }
  void pack(int64_t piece) const;

  bool empty() const { return buffer_ == nullptr; }
  /// The panel in the block that begins at step k and is `depth` deep.
  float* panel(int64_t k, int64_t depth, int64_t panel) const {
    return buffer_ + (k * panels_ + depth * panel) * kernels_->panel;
  }

 private:
  const Microkernels* kernels_ = nullptr;
  const Product* product_ = nullptr;
  float* buffer_ = nullptr;
  int64_t blocks_ = 0, panels_ = 0;
};

/// Rows row .. row+rows-1 and panels first_panel .. first_panel+panels-1 of C.
struct Block {
  int64_t row, rows, first_panel, panels;
};

/// One thread with its buffers.
class BlockWorker {
 public:
  /// Most rows of a block, and most panels of one whose B is not packed beforehand. With AVX-512 256 x 256
  /// elements of C are 256 KiB, as much as a panel group of B and its tables; with what is prefetched they
  /// fill L2. AVX2 has fewer rows.
  static int64_t max_rows(const Microkernels& kernels) { return 19 * kernels.tile_rows; }
  static int64_t max_panels(const Microkernels& kernels) { return 256 / kernels.panel; }

  static int64_t floats(const Microkernels& kernels);
  BlockWorker(const Microkernels& kernels, float* buffer);
  ~BlockWorker();
  BlockWorker(const BlockWorker&) = delete;
  BlockWorker& operator=(const BlockWorker&) = delete;

  /// Computes the block, with B as packed if it is not empty. `next` is memory that will be needed
  /// afterwards.
  void run(const Product& product, const Block& block, const PackedRight& packed, const Region& next);

 private:
  struct Step;  // one block of the depth
  void want_following(Step& step, const Region& next) const;
  void prepare_right(const Step& step);
  Tile left_tile(const Step& step, int64_t row, int64_t rows) const;
  void set_right(const Step& step, int64_t panel, Tile& tile) const;

  const Microkernels& kernels_;
  float* left_;          // a tile of A
  float* right_;         // panels of B
  const float** table_;  // rows of B read in place
  float** rows_;         // of C
};

}  // namespace duel::cpu
