// A thread takes a block of a few tiles of groups. For each block of the depth it transforms their pixels
// once, into nine packed left factors (half a MiB together, in L2), and lets the nine products run over them,
// each against its packed weight, of which the next is prefetched meanwhile.
#include "ops/cpu/filtered_product.h"

#include <omp.h>

#include <algorithm>

#include "lib/divisor.h"
#include "lib/error.h"
#include "ops/cpu/gemm_scratch.h"
#include "ops/cpu/prefetch.h"

namespace duel::cpu {
namespace {

constexpr int64_t max_tiles = 4;

/// The weight of a product, packed: by blocks of the depth, then by the nine, then by panels.
struct PackedWeight {
  const Microkernels* kernels = nullptr;
  const FilteredProduct* product = nullptr;
  float* buffer = nullptr;

  int64_t panels() const { return ceil_divide(product->columns, kernels->panel); }
  int64_t floats() const { return filter_products * product->depth() * panels() * kernels->panel; }
  float* at(int64_t k, int64_t depth, int64_t i, int64_t panel) const {
    return buffer + (filter_products * k * panels() + (i * panels() + panel) * depth) * kernels->panel;
  }

  /// All panels of one of the nine.
  Region region(int64_t k, int64_t depth, int64_t i) const {
    const int64_t step = kernels->panel * 4;
    return {at(k, depth, i, 0), kernels->tile_depth(depth) * step, depth * step, panels()};
  }

  int64_t pieces() const { return DepthBlocks(product->depth()).count * panels(); }
  void pack(int64_t piece) const {
    const int64_t whole = DepthBlocks(product->depth()).depth, panel = piece % panels();
    const int64_t k = piece / panels() * whole, depth = std::min(whole, product->depth() - k);
    const int64_t column = panel * kernels->panel;
    product->weight->pack(*kernels, column, std::min(kernels->panel, product->columns - column), k, depth,
                          at(k, depth, 0, panel), panels() * depth * kernels->panel);
    if (!kernels->pairs()) return;
    for (int64_t i = 0; i < filter_products; ++i) kernels->pair_right(at(k, depth, i, panel), depth);
  }
};

class FilteredWorker {
 public:
  static int64_t floats(const Microkernels& kernels) {
    return filter_products * left_floats(kernels) + Scratch::padded(2 * max_tiles * kernels.tile_rows);
  }
  FilteredWorker(const Microkernels& kernels, const float* zeros, float* buffer)
      : kernels_(kernels),
        zeros_(zeros),
        left_(buffer),
        rows_(reinterpret_cast<float**>(buffer + filter_products * left_floats(kernels))) {}

  /// Groups group .. group+groups-1, at most max_tiles tiles of them.
  void run(const FilteredProduct& product, const PackedWeight& weight, int64_t group, int64_t groups) {
    const DepthBlocks depths(product.depth());
    product.c.locate(group, groups, rows_);
    for (int64_t block = 0; block < depths.count; ++block) {
      const int64_t k = block * depths.depth, depth = std::min(depths.depth, product.depth() - k);
      transform(product, group, groups, k, depth);
      for (size_t turn = 0; turn < filter_products; ++turn) {
        Wanted wanted;
        if (turn + 1 < filter_products)
          wanted.add(weight.region(k, depth, filter_order[turn + 1]));
        else
          wanted.add(following(product, weight, group + groups, k + depth));
        multiply_one(product, weight, groups, k, depth, filter_order[turn], wanted);
      }
    }
    if (product.epilogue.activation == Epilogue::Activation::Tanh) activate(product, groups);
  }

 private:
  static int64_t left_floats(const Microkernels& kernels) {
    return max_tiles * kernels.tile_rows * left_row_stride;
  }
  int64_t tiles_of(int64_t groups) const { return ceil_divide(groups, kernels_.tile_rows); }

  void transform(const FilteredProduct& product, int64_t group, int64_t groups, int64_t k, int64_t depth) {
    const int64_t tiles = tiles_of(groups), channels = product.grid.channels;
    FilterGrid::Place place = product.grid.place(group);
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t begin = groups * tile / tiles, end = groups * (tile + 1) / tiles;
      float* row = left_ + tile * kernels_.tile_rows * left_row_stride;
      for (int64_t g = begin; g < end; ++g, row += left_row_stride, product.grid.advance(place)) {
        size_t origin = static_cast<size_t>(k / channels);
        int64_t channel = k % channels;
        for (int64_t done = 0; done < depth; ++origin, channel = 0) {
          const int64_t count = std::min(depth - done, channels - channel);
          const float* pixels[9];
          product.grid.locate(place, product.origins[origin], zeros_, pixels);
          for (const float*& pixel : pixels) pixel += channel;
          kernels_.filter_row(pixels, count, row + kernels_.tile_depth(done), left_floats(kernels_));
          done += count;
        }
      }
    }
  }

  void multiply_one(const FilteredProduct& product, const PackedWeight& weight, int64_t groups, int64_t k,
                    int64_t depth, int i, Wanted& wanted) {
    const int64_t tiles = tiles_of(groups);
    const FilterTargets targets(i, product.down, product.right);
    const bool last = k + depth == product.depth() && filter_is_last(i);
    Tile tile{};
    tile.depth = kernels_.tile_depth(depth);
    tile.accumulate = product.accumulate || k > 0 || i != filter_whole;
    tile.epilogue = last ? &product.epilogue : nullptr;
    tile.destinations = targets.count;
    std::copy_n(targets.offsets, targets.count, tile.offsets);
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t begin = groups * t / tiles, rows = groups * (t + 1) / tiles - begin;
      tile.a = left_ + i * left_floats(kernels_) + t * kernels_.tile_rows * left_row_stride;
      tile.c = rows_ + begin;
      for (int64_t panel = 0; panel < weight.panels(); ++panel) {
        tile.b = weight.at(k, depth, i, panel);
        tile.column = panel * kernels_.panel;
        tile.columns = std::min(kernels_.panel, product.columns - tile.column);
        wanted.hand_out(tile);
        kernels_.tile[0][tile.columns > kernels_.vector ? 1 : 0][rows - 1](tile);
      }
    }
  }

  /// What is read after the nine products of a block of the depth: the next block's first weight, or the
  /// pixels of the groups from `group` on.
  Region following(const FilteredProduct& product, const PackedWeight& weight, int64_t group,
                   int64_t k) const {
    if (k < product.depth()) {
      const int64_t depth = std::min(DepthBlocks(product.depth()).depth, product.depth() - k);
      return weight.region(k, depth, filter_whole);
    }
    const FilterGrid& grid = product.grid;
    const int64_t next = std::min(product.groups, group + max_tiles * kernels_.tile_rows);
    if (group >= next) return {};
    const int64_t first = grid.row_of(group), rows = grid.row_of(next - 1) - first + 2 * grid.step_h;
    const int64_t row_floats = grid.width * grid.channels;
    return {grid.pictures + first * row_floats, rows * row_floats * 4, 0, 1};
  }

  void activate(const FilteredProduct& product, int64_t groups) const {
    const FilterTargets all(filter_whole, product.down, product.right);
    for (int64_t g = 0; g < groups; ++g)
      for (const int64_t offset : all.offsets)
        kernels_.activate(product.epilogue, rows_[g] + offset, product.columns);
  }

  const Microkernels& kernels_;
  const float* zeros_;
  float* left_;   // the nine transformed pixels, tile by tile
  float** rows_;  // of C
};

/// Blocks of groups: whole tiles, small enough to keep the threads evenly busy.
int64_t block_groups(const Microkernels& kernels, std::span<const FilteredProduct> products, int threads) {
  constexpr int64_t blocks_per_thread = 8;
  const int64_t groups = products[0].groups * std::ssize(products);
  const int64_t tiles = ceil_divide(groups, blocks_per_thread * threads * kernels.tile_rows);
  return std::clamp<int64_t>(tiles, 1, max_tiles) * kernels.tile_rows;
}

}  // namespace

void multiply_filtered(std::span<const FilteredProduct> products) {
  check(products.size() <= max_filtered_products, "[cpu] ", products.size(),
        " filtered products at once: a bug in the kernel");
  const Microkernels& kernels = microkernels();
  const int threads = omp_get_max_threads();
  const int64_t channels = products[0].grid.channels;
  const int64_t blocks = ceil_divide(products[0].groups, block_groups(kernels, products, threads));

  std::array<PackedWeight, max_filtered_products> packed;
  int64_t floats = Scratch::padded(channels) + threads * Scratch::padded(FilteredWorker::floats(kernels));
  for (size_t i = 0; i < products.size(); ++i) {
    packed[i] = {&kernels, &products[i], nullptr};
    floats += Scratch::padded(packed[i].floats());
  }
  Scratch scratch(floats);
  for (size_t i = 0; i < products.size(); ++i) packed[i].buffer = scratch.take(packed[i].floats());
  float* const zeros = scratch.take(channels);
  std::fill_n(zeros, channels, 0.0f);
  const int64_t worker_floats = Scratch::padded(FilteredWorker::floats(kernels));
  float* const workers = scratch.take(threads * worker_floats);
  const int64_t pieces = packed[0].pieces(), count = std::ssize(products);

#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (int64_t piece = 0; piece < pieces * count; ++piece)
      packed[static_cast<size_t>(piece / pieces)].pack(piece % pieces);
    FilteredWorker worker(kernels, zeros, workers + omp_get_thread_num() * worker_floats);
#pragma omp for schedule(dynamic, 1) nowait
    for (int64_t task = 0; task < blocks * count; ++task) {
      const auto i = static_cast<size_t>(task / blocks);
      const int64_t block = task % blocks, groups = products[i].groups;
      const int64_t begin = groups * block / blocks, end = groups * (block + 1) / blocks;
      worker.run(products[i], packed[i], begin, end - begin);
    }
  }
}

}  // namespace duel::cpu
