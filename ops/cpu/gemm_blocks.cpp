#include "ops/cpu/gemm_blocks.h"

#include <algorithm>
#include <array>

#include "ops/cpu/gemm_scratch.h"

namespace duel::cpu {
namespace {

int64_t tile_floats(const Microkernels& kernels) {
  return std::max(kernels.tile_rows * left_row_stride, max_depth * kernels.left_depth_stride);
}

int64_t left_floats(const Microkernels& kernels) {
  return BlockWorker::max_rows(kernels) / kernels.tile_rows * tile_floats(kernels);
}

int64_t right_floats(const Microkernels& kernels) { return max_depth * kernels.panel; }

/// Memory to prefetch, handed out tile by tile.
class Wanted {
 public:
  void add(Range range) {
    if (range.begin < range.end) ranges_[count_++] = range;
  }

  /// The first of the next `lines` cache lines, or null if there are none left.
  const float* take(int64_t lines) {
    if (count_ == 0) return nullptr;
    Range& range = ranges_[count_ - 1];
    const float* const begin = range.begin;
    range.begin += lines * 16;
    if (range.begin >= range.end) --count_;
    return begin;
  }

 private:
  std::array<Range, 4> ranges_;
  size_t count_ = 0;
};

}  // namespace

void OutputRows::locate(int64_t row, int64_t rows, float** out) const {
  int64_t picture = row / (grid_h * grid_w), gy = row / grid_w % grid_h, gx = row % grid_w;
  for (int64_t i = 0; i < rows; ++i) {
    out[i] = base + picture * picture_stride + gy * row_stride + gx * pixel_stride;
    if (++gx < grid_w) continue;
    gx = 0;
    if (++gy < grid_h) continue;
    gy = 0;
    ++picture;
  }
}

DepthBlocks::DepthBlocks(int64_t k) : count(std::max<int64_t>(1, ceil_div(k, max_depth))) {
  depth = ceil_div(ceil_div(k, count), 16) * 16;
}

int64_t PackedRight::floats(const Microkernels& kernels, const Product& product) {
  return product.k * product.panels(kernels) * kernels.panel;
}

PackedRight::PackedRight(const Microkernels& kernels, const Product& product, float* buffer)
    : kernels_(&kernels),
      product_(&product),
      buffer_(buffer),
      blocks_(DepthBlocks(product.k).count),
      panels_(product.panels(kernels)) {}

void PackedRight::pack(int64_t piece) const {
  const int64_t whole = DepthBlocks(product_->k).depth;
  const int64_t k = piece / panels_ * whole, depth = std::min(whole, product_->k - k);
  const int64_t column = piece % panels_ * kernels_->panel;
  if (depth == 0) return;
  product_->b->pack(*kernels_, column, std::min(kernels_->panel, product_->n - column), product_->k_begin + k,
                    depth, buffer_ + (k * panels_ + depth * (piece % panels_)) * kernels_->panel);
}

struct BlockWorker::Step {
  const Product& product;
  const Block& block;
  const PackedRight& packed;
  int64_t tiles, k, depth;
  bool first, last;
  mutable Wanted wanted;

  int64_t tile_begin(int64_t tile) const { return block.rows * tile / tiles; }
  int64_t tile_rows(int64_t tile) const { return tile_begin(tile + 1) - tile_begin(tile); }
};

int64_t BlockWorker::floats(const Microkernels& kernels) {
  const int64_t pointers = max_rows(kernels) * 2;  // of 8 bytes
  return Scratch::padded(left_floats(kernels)) + Scratch::padded(right_floats(kernels)) +
         Scratch::padded(pointers);
}

BlockWorker::BlockWorker(const Microkernels& kernels, float* buffer)
    : kernels_(kernels),
      left_(buffer),
      right_(left_ + Scratch::padded(left_floats(kernels))),
      rows_(reinterpret_cast<float**>(right_ + Scratch::padded(right_floats(kernels)))) {}

void BlockWorker::run(const Product& product, const Block& block, const PackedRight& packed, Range next) {
  const DepthBlocks depths(product.k);
  product.c.locate(block.row, block.rows, rows_);
  for (int64_t i = 0; i < depths.count; ++i) {
    const int64_t k = i * depths.depth, depth = std::min(depths.depth, product.k - k);
    const Step step{.product = product,
                    .block = block,
                    .packed = packed,
                    .tiles = ceil_div(block.rows, kernels_.tile_rows),
                    .k = k,
                    .depth = depth,
                    .first = i == 0,
                    .last = i + 1 == depths.count,
                    .wanted = {}};
    if (step.last) step.wanted.add(next);
    if (packed.empty())
      stream_tiles(step);
    else
      stream_panels(step);
  }
}

void BlockWorker::stream_panels(const Step& step) {
  const int64_t first = step.block.first_panel, end = first + step.block.panels;
  const DepthBlocks depths(step.product.k);
  if (depths.count > 1) {
    const int64_t k = step.last ? 0 : step.k + step.depth, depth = std::min(depths.depth, step.product.k - k);
    step.wanted.add({step.packed.panel(k, depth, first), step.packed.panel(k, depth, end)});
  }
  if (step.product.a->layout() == LeftLayout::DepthMajor) pack_depth_major(step);
  for (int64_t t = 0; t < step.tiles; ++t) {
    float* left = left_;
    if (step.product.a->layout() == LeftLayout::DepthMajor)
      left += t * tile_floats(kernels_);
    else if (step.depth > 0)
      step.product.a->pack(kernels_, step.block.row + step.tile_begin(t), step.tile_rows(t),
                           step.product.k_begin + step.k, step.depth, left);
    for (int64_t p = first; p < end; ++p) compute(step, t, left, p, step.packed.panel(step.k, step.depth, p));
  }
}

void BlockWorker::stream_tiles(const Step& step) {
  const Product& product = step.product;
  const int64_t k = product.k_begin + step.k;
  const bool depth_major = product.a->layout() == LeftLayout::DepthMajor;
  if (!step.last) {
    const int64_t next_k = step.k + step.depth, next_depth = std::min(step.depth, product.k - next_k);
    step.wanted.add(product.b->source(product.k_begin + next_k, next_depth));
    if (depth_major)
      step.wanted.add(
          product.a->source(step.block.row, step.block.rows, product.k_begin + next_k, next_depth));
  }
  for (int64_t i = 0; i < step.block.panels; ++i) {
    const int64_t panel = step.block.first_panel + i, column = panel * kernels_.panel;
    if (step.depth > 0)
      product.b->pack(kernels_, column, std::min(kernels_.panel, product.n - column), k, step.depth, right_);
    if (depth_major && i == 0) pack_depth_major(step);
    for (int64_t t = 0; t < step.tiles; ++t) {
      float* const left = left_ + t * tile_floats(kernels_);
      if (!depth_major && i == 0 && step.depth > 0)
        product.a->pack(kernels_, step.block.row + step.tile_begin(t), step.tile_rows(t), k, step.depth,
                        left);
      compute(step, t, left, panel, right_);
    }
  }
}

/// All tiles, a few steps of the depth at a time: the tiles read neighbouring parts of the same rows of
/// memory.
void BlockWorker::pack_depth_major(const Step& step) {
  constexpr int64_t at_once = 16;
  for (int64_t i = 0; i < step.depth; i += at_once)
    for (int64_t t = 0; t < step.tiles; ++t)
      step.product.a->pack(kernels_, step.block.row + step.tile_begin(t), step.tile_rows(t),
                           step.product.k_begin + step.k + i, std::min(at_once, step.depth - i),
                           left_ + t * tile_floats(kernels_) + i * kernels_.left_depth_stride);
}

void BlockWorker::compute(const Step& step, int64_t tile, const float* left, int64_t panel,
                          const float* right) {
  const Product& product = step.product;
  const size_t layout = product.a->layout() == LeftLayout::RowMajor ? 0 : 1;
  const int64_t column = panel * kernels_.panel, columns = std::min(kernels_.panel, product.n - column);
  const int64_t rows = step.tile_rows(tile);
  float* const* const c = rows_ + step.tile_begin(tile);
  kernels_.tile[layout][columns > kernels_.vector ? 1 : 0][rows - 1](
      {.a = left,
       .b = right,
       .depth = step.depth,
       .c = c,
       .column = column,
       .columns = columns,
       .accumulate = product.accumulate || !step.first,
       .wanted = step.wanted.take(step.depth),
       .epilogue = step.last ? &product.epilogue : nullptr});
  if (step.last && product.epilogue.activation == Epilogue::Activation::Tanh)
    for (int64_t r = 0; r < rows; ++r) kernels_.activate(product.epilogue, c[r] + column, columns);
}

}  // namespace duel::cpu
