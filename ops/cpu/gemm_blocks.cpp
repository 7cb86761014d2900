#include "ops/cpu/gemm_blocks.h"

#include <algorithm>

#include "lib/divisor.h"
#include "ops/cpu/gemm_scratch.h"
#include "ops/cpu/prefetch.h"

namespace duel::cpu {
namespace {

int64_t right_floats(const Microkernels& kernels) {
  return BlockWorker::max_panels(kernels) * max_depth * kernels.panel;
}

int64_t table_pointers(const Microkernels& kernels) { return BlockWorker::max_panels(kernels) * max_depth; }

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

DepthBlocks::DepthBlocks(int64_t k) : count(std::max<int64_t>(1, ceil_divide(k, max_depth))) {
  depth = ceil_divide(ceil_divide(k, count), 16) * 16;
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
  float* const out = buffer_ + (k * panels_ + depth * (piece % panels_)) * kernels_->panel;
  product_->b->pack(*kernels_, column, std::min(kernels_->panel, product_->n - column), product_->k_begin + k,
                    depth, out);
  if (kernels_->pairs()) kernels_->pair_right(out, depth);
}

struct BlockWorker::Step {
  const Product& product;
  const Block& block;
  const PackedRight& packed;
  int64_t k, depth;  // from k_begin on
  bool first, last;
  bool in_place;             // the factors are read where they lie, if they can be
  int64_t in_place_columns;  // of B, see RightOperand
  Wanted wanted;
};

int64_t BlockWorker::floats(const Microkernels& kernels) {
  const int64_t pointers = table_pointers(kernels) + max_rows(kernels);  // of 8 bytes
  return Scratch::padded(kernels.left_floats()) + right_floats(kernels) + Scratch::padded(2 * pointers);
}

BlockWorker::BlockWorker(const Microkernels& kernels, float* buffer)
    : kernels_(kernels),
      left_(buffer),
      right_(left_ + Scratch::padded(kernels.left_floats())),
      table_(reinterpret_cast<const float**>(right_ + right_floats(kernels))),
      rows_(const_cast<float**>(table_) + table_pointers(kernels)) {
  if (kernels.begin != nullptr) kernels.begin();
}

BlockWorker::~BlockWorker() {
  if (kernels_.end != nullptr) kernels_.end();
}

void BlockWorker::run(const Product& product, const Block& block, const PackedRight& packed,
                      const Region& next) {
  const DepthBlocks depths(product.k);
  const int64_t tiles = ceil_divide(block.rows, kernels_.tile_rows);
  const bool columns = product.a->layout() == LeftLayout::Columns;
  const bool in_place = columns && !kernels_.pairs() && block.panels < kernels_.least_packed_panels;
  product.c.locate(block.row, block.rows, rows_);
  for (int64_t i = 0; i < depths.count; ++i) {
    const int64_t k = i * depths.depth;
    Step step{product,
              block,
              packed,
              k,
              std::min(depths.depth, product.k - k),
              i == 0,
              i + 1 == depths.count,
              in_place,
              in_place ? product.b->in_place_columns(kernels_) : 0,
              {}};
    want_following(step, next);
    prepare_right(step);
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t begin = block.rows * t / tiles, rows = block.rows * (t + 1) / tiles - begin;
      Tile tile = left_tile(step, block.row + begin, rows);
      tile.c = rows_ + begin;
      for (int64_t p = 0; p < block.panels; ++p) {
        set_right(step, p, tile);
        step.wanted.hand_out(tile);
        kernels_.tile[columns ? 1 : 0][tile.columns > kernels_.vector ? 1 : 0][rows - 1](tile);
        if (step.last && product.epilogue.activation == Epilogue::Activation::Tanh)
          for (int64_t r = 0; r < rows; ++r)
            kernels_.activate(product.epilogue, tile.c[r] + tile.column, tile.columns);
      }
    }
  }
}

/// What the next step reads, or after the last one the next block: its rows, and the same panels again.
void BlockWorker::want_following(Step& step, const Region& next) const {
  const Product& product = step.product;
  const int64_t k = step.last ? 0 : step.k + step.depth,
                depth = std::min(DepthBlocks(product.k).depth, product.k - k);
  const int64_t first = step.block.first_panel, end = first + step.block.panels;
  if (step.last) {
    step.wanted.add(next);
  } else if (product.a->layout() == LeftLayout::Columns) {
    step.wanted.add(product.a->source(step.block.row, step.block.rows, product.k_begin + k, depth));
    step.wanted.add(product.b->source(first * kernels_.panel, step.block.panels * kernels_.panel,
                                      product.k_begin + k, depth));
  }
  if (!step.packed.empty() && DepthBlocks(product.k).count > 1) {
    const float* const begin = step.packed.panel(k, depth, first);
    step.wanted.add({begin, (step.packed.panel(k, depth, end) - begin) * 4, 0, 1});
  }
}

/// Packs the panels of the block, or fills the table, unless all of B is packed already.
void BlockWorker::prepare_right(const Step& step) {
  const Product& product = step.product;
  if (!step.packed.empty() || step.depth == 0) return;
  const int64_t first_column = step.block.first_panel * kernels_.panel, k = product.k_begin + step.k;
  const int64_t end_column = std::min(product.n, first_column + step.block.panels * kernels_.panel);
  if (const int64_t shared = step.in_place_columns) {
    for (int64_t i = first_column / shared; i * shared < end_column; ++i)
      product.b->locate(i * shared, k, step.depth, table_ + (i - first_column / shared) * step.depth);
    return;
  }
  for (int64_t p = 0; p < step.block.panels; ++p) {
    const int64_t column = first_column + p * kernels_.panel;
    float* const panel = right_ + p * step.depth * kernels_.panel;
    product.b->pack(kernels_, column, std::min(kernels_.panel, end_column - column), k, step.depth, panel);
    if (kernels_.pairs()) kernels_.pair_right(panel, step.depth);
    if (product.a->layout() == LeftLayout::Columns)
      for (int64_t i = 0; i < step.depth; ++i) table_[p * step.depth + i] = panel + i * kernels_.panel;
  }
}

/// The fields of a tile that stay for all panels.
Tile BlockWorker::left_tile(const Step& step, int64_t row, int64_t rows) const {
  const Product& product = step.product;
  const int64_t k = product.k_begin + step.k;
  Tile tile{};
  tile.depth = kernels_.pairs() ? ceil_divide(step.depth, 2) : step.depth;
  tile.accumulate = product.accumulate || !step.first;
  tile.epilogue = step.last ? &product.epilogue : nullptr;
  tile.a = step.in_place ? product.a->in_place(row, k) : nullptr;
  tile.a_step = product.a->in_place_step();
  if (tile.a != nullptr) return tile;
  tile.a = left_;
  tile.a_step = kernels_.left_step;
  if (step.depth == 0) return tile;
  product.a->pack(kernels_, row, rows, k, step.depth, left_);
  if (kernels_.pairs())
    tile.a = kernels_.pair_left[product.a->layout() == LeftLayout::Columns](left_, rows, step.depth);
  return tile;
}

void BlockWorker::set_right(const Step& step, int64_t panel, Tile& tile) const {
  tile.column = (step.block.first_panel + panel) * kernels_.panel;
  tile.columns = std::min(kernels_.panel, step.product.n - tile.column);
  if (step.product.a->layout() == LeftLayout::Rows) {
    tile.b = step.packed.empty() ? right_ + panel * step.depth * kernels_.panel
                                 : step.packed.panel(step.k, step.depth, step.block.first_panel + panel);
    return;
  }
  const int64_t shared = step.in_place_columns;
  const int64_t first = shared > 0 ? step.block.first_panel * kernels_.panel / shared : 0;
  tile.b_rows = table_ + (shared > 0 ? tile.column / shared - first : panel) * step.depth;
  tile.b_offset = shared > 0 ? tile.column % shared : 0;
}

}  // namespace duel::cpu
