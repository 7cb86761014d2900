#include "ops/cpu/gemm_blocks.h"

#include <omp.h>

#include <algorithm>

#include "lib/error.h"
#include "ops/cpu/gemm_scratch.h"

namespace duel::cpu {
namespace {

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t panels_of(const Microkernels& kernels, const Product& product) {
  return ceil_div(product.n, kernels.panel);
}

int64_t tile_floats(const Microkernels& kernels) {
  return std::max(kernels.tile_rows * left_row_stride, max_depth * kernels.left_depth_stride);
}

/// How the blocks of all products are dealt out. Every product has the same number of blocks, some perhaps
/// empty.
struct Tasks {
  int64_t row_blocks = 0, panel_groups = 0, count = 0;

  Tasks(const Microkernels& kernels, std::span<const Product> products, int64_t threads) {
    int64_t m = 0, panels = 0;
    for (const Product& product : products) {
      m = std::max(m, product.m);
      panels = std::max(panels, panels_of(kernels, product));
    }
    row_blocks = ceil_div(m, BlockWorker::max_rows(kernels));
    // Enough tasks to keep the threads evenly busy, but each wide enough to be worth packing its rows of A.
    constexpr int64_t tasks_per_thread = 8, least_panels = 4;
    const int64_t product_count = static_cast<int64_t>(products.size());
    const int64_t wanted =
        ceil_div(tasks_per_thread * threads, std::max<int64_t>(1, row_blocks * product_count));
    panel_groups = std::clamp<int64_t>(wanted, 1, std::max<int64_t>(1, panels / least_panels));
    count = row_blocks * product_count * panel_groups;
  }
};

void run_task(const Microkernels& kernels, std::span<const Product> products, const Tasks& tasks,
              int64_t task, float* const* packed, BlockWorker& worker) {
  const int64_t group = task % tasks.panel_groups;
  const size_t index = static_cast<size_t>(task / tasks.panel_groups) % products.size();
  const int64_t block = task / tasks.panel_groups / static_cast<int64_t>(products.size());
  const Product& product = products[index];
  const int64_t panels = panels_of(kernels, product);
  const int64_t row = product.m * block / tasks.row_blocks,
                row_end = product.m * (block + 1) / tasks.row_blocks;
  const int64_t first = panels * group / tasks.panel_groups, last = panels * (group + 1) / tasks.panel_groups;
  worker.run(product, row, row_end - row, first, last - first, packed[index]);
}

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
  return product.k * panels_of(kernels, product) * kernels.panel;
}

int64_t PackedRight::pieces(const Microkernels& kernels, const Product& product) {
  return DepthBlocks(product.k).count * panels_of(kernels, product);
}

void PackedRight::pack_piece(const Microkernels& kernels, const Product& product, int64_t piece,
                             float* packed) {
  const DepthBlocks blocks(product.k);
  const int64_t panels = panels_of(kernels, product);
  const int64_t k = piece / panels * blocks.depth, depth = std::min(blocks.depth, product.k - k);
  const int64_t column = piece % panels * kernels.panel,
                columns = std::min(kernels.panel, product.n - column);
  if (depth == 0) return;
  product.b->pack(kernels, column, columns, product.k_begin + k, depth,
                  packed + k * panels * kernels.panel + depth * column);
}

int64_t BlockWorker::floats(const Microkernels& kernels) {
  const int64_t row_pointers = max_rows(kernels) * 2;  // pointers of 8 bytes in floats of 4
  return Scratch::padded(max_rows(kernels) / kernels.tile_rows * tile_floats(kernels)) +
         Scratch::padded(max_depth * kernels.panel) + Scratch::padded(row_pointers);
}

BlockWorker::BlockWorker(const Microkernels& kernels, float* buffer) : kernels_(kernels), left_(buffer) {
  panel_ = left_ + Scratch::padded(max_rows(kernels) / kernels.tile_rows * tile_floats(kernels));
  rows_ = reinterpret_cast<float**>(panel_ + Scratch::padded(max_depth * kernels.panel));
}

void BlockWorker::run(const Product& product, int64_t row, int64_t rows, int64_t first_panel, int64_t panels,
                      const float* packed) {
  const DepthBlocks blocks(product.k);
  const int64_t tiles = ceil_div(rows, kernels_.tile_rows), all_panels = panels_of(kernels_, product);
  const size_t layout = product.a->layout() == LeftLayout::RowMajor ? 0 : 1;
  const bool tanh_pass = product.epilogue.activation == Epilogue::Activation::Tanh;
  product.c.locate(row, rows, rows_);
  for (int64_t block = 0; block < blocks.count; ++block) {
    const int64_t k = block * blocks.depth, depth = std::min(blocks.depth, product.k - k);
    const bool last = block + 1 == blocks.count;
    for (int64_t p = first_panel; p < first_panel + panels; ++p) {
      const int64_t column = p * kernels_.panel, columns = std::min(kernels_.panel, product.n - column);
      const float* right = panel_;
      if (packed != nullptr)
        right = packed + k * all_panels * kernels_.panel + depth * column;
      else if (depth > 0)
        product.b->pack(kernels_, column, columns, product.k_begin + k, depth, panel_);
      const auto& tile_of_rows = kernels_.tile[layout][columns > kernels_.vector ? 1 : 0];
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t begin = rows * t / tiles, height = rows * (t + 1) / tiles - begin;
        float* const left = left_ + t * tile_floats(kernels_);
        if (p == first_panel && depth > 0)
          product.a->pack(kernels_, row + begin, height, product.k_begin + k, depth, left);
        tile_of_rows[height - 1]({.a = left,
                                  .b = right,
                                  .depth = depth,
                                  .c = rows_ + begin,
                                  .column = column,
                                  .columns = columns,
                                  .accumulate = product.accumulate || block > 0,
                                  .epilogue = last ? &product.epilogue : nullptr});
        if (last && tanh_pass)
          for (int64_t r = begin; r < begin + height; ++r)
            kernels_.activate(product.epilogue, rows_[r] + column, columns);
      }
    }
  }
}

void multiply(std::span<const Product> products) {
  check(products.size() <= max_products, "[cpu] ", products.size(), " products at once: a bug in the kernel");
  const Microkernels& kernels = microkernels();
  const int threads = omp_get_max_threads();
  const Tasks tasks(kernels, products, threads);
  if (tasks.count == 0) return;

  int64_t first_piece[max_products + 1] = {};
  int64_t packed_floats = 0;
  const bool share = tasks.row_blocks > 1;
  for (size_t i = 0; i < products.size(); ++i) {
    first_piece[i + 1] = first_piece[i] + (share ? PackedRight::pieces(kernels, products[i]) : 0);
    if (share) packed_floats += Scratch::padded(PackedRight::floats(kernels, products[i]));
  }
  const int64_t worker_floats = Scratch::padded(BlockWorker::floats(kernels));
  Scratch scratch(packed_floats + threads * worker_floats);
  float* packed[max_products] = {};
  if (share)
    for (size_t i = 0; i < products.size(); ++i)
      packed[i] = scratch.take(PackedRight::floats(kernels, products[i]));
  float* const workers = scratch.take(threads * worker_floats);

#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (int64_t piece = 0; piece < first_piece[products.size()]; ++piece) {
      size_t i = 0;
      while (piece >= first_piece[i + 1]) ++i;
      PackedRight::pack_piece(kernels, products[i], piece - first_piece[i], packed[i]);
    }
    BlockWorker worker(kernels, workers + omp_get_thread_num() * worker_floats);
#pragma omp for schedule(dynamic, 1) nowait
    for (int64_t task = 0; task < tasks.count; ++task)
      run_task(kernels, products, tasks, task, packed, worker);
  }
}

}  // namespace duel::cpu
