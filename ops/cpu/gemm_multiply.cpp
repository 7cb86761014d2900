// The products are cut into tasks (block of rows, product, group of panels), which the threads take as they
// become free. If several blocks of rows use the same B and it is small enough to keep (weights), all threads
// first pack it.
#include "ops/cpu/gemm_multiply.h"

#include <omp.h>

#include <algorithm>
#include <array>

#include "lib/divisor.h"
#include "lib/error.h"
#include "ops/cpu/gemm_scratch.h"

namespace duel::cpu {
namespace {

class Tasks {
 public:
  Tasks(const Microkernels& kernels, std::span<const Product> products, int64_t threads)
      : kernels_(kernels), products_(products) {
    int64_t m = 0, panels = 0;
    for (const Product& product : products) {
      m = std::max(m, product.m);
      panels = std::max(panels, product.panels(kernels));
    }
    row_blocks_ = ceil_divide(m, BlockWorker::max_rows(kernels));
    // Enough tasks to keep the threads evenly busy, but each wide enough to be worth packing its rows of A.
    constexpr int64_t tasks_per_thread = 8, least_panels = 4;
    const int64_t blocks = std::max<int64_t>(1, row_blocks_ * std::ssize(products));
    packs_first_ = row_blocks_ > 1 && products[0].a->layout() == LeftLayout::Rows && products[0].b->small();
    const int64_t least_groups = packs_first_ ? 1 : ceil_divide(panels, BlockWorker::max_panels(kernels));
    panel_groups_ = std::clamp<int64_t>(ceil_divide(tasks_per_thread * threads, blocks), least_groups,
                                        std::max<int64_t>(least_groups, panels / least_panels));
  }

  int64_t count() const { return row_blocks_ * std::ssize(products_) * panel_groups_; }
  /// Whether every B is packed as a whole before the tasks begin.
  bool packs_first() const { return packs_first_; }

  void run(int64_t task, std::span<const PackedRight> packed, BlockWorker& worker) const {
    const size_t index = static_cast<size_t>(task / panel_groups_ % std::ssize(products_));
    const Product& product = products_[index];
    const int64_t row_block = task / panel_groups_ / std::ssize(products_), group = task % panel_groups_;
    const int64_t panels = product.panels(kernels_), first_panel = panels * group / panel_groups_;
    const int64_t row = first_row(product, row_block), next_row = first_row(product, row_block + 1);
    const Block block{row, next_row - row, first_panel, panels * (group + 1) / panel_groups_ - first_panel};
    Region next;
    if (row_block + 1 < row_blocks_ && product.a->layout() == LeftLayout::Rows)
      next = product.a->source(next_row, first_row(product, row_block + 2) - next_row, product.k_begin,
                               product.k);
    worker.run(product, block, packed[index], next);
  }

 private:
  int64_t first_row(const Product& product, int64_t row_block) const {
    return product.m * row_block / row_blocks_;
  }

  const Microkernels& kernels_;
  std::span<const Product> products_;
  int64_t row_blocks_, panel_groups_;
  bool packs_first_;
};

}  // namespace

void multiply(std::span<const Product> products) {
  check(products.size() <= max_products, "[cpu] ", products.size(), " products at once: a bug in the kernel");
  const Microkernels& kernels = microkernels();
  const int threads = omp_get_max_threads();
  const Tasks tasks(kernels, products, threads);
  if (tasks.count() == 0) return;

  int64_t floats = threads * BlockWorker::floats(kernels), pieces = 0;
  for (const Product& product : products)
    if (tasks.packs_first()) floats += Scratch::padded(PackedRight::floats(kernels, product));
  Scratch scratch(floats);
  std::array<PackedRight, max_products> packed;
  std::array<int64_t, max_products> first_piece;
  for (size_t i = 0; i < products.size(); ++i) {
    first_piece[i] = pieces;
    if (!tasks.packs_first()) continue;
    packed[i] = {kernels, products[i], scratch.take(PackedRight::floats(kernels, products[i]))};
    pieces += packed[i].pieces();
  }
  float* const workers = scratch.take(threads * BlockWorker::floats(kernels));

#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (int64_t piece = 0; piece < pieces; ++piece) {
      size_t i = products.size() - 1;
      while (piece < first_piece[i]) --i;
      packed[i].pack(piece - first_piece[i]);
    }
    BlockWorker worker(kernels, workers + omp_get_thread_num() * BlockWorker::floats(kernels));
#pragma omp for schedule(dynamic, 1) nowait
    for (int64_t task = 0; task < tasks.count(); ++task) tasks.run(task, packed, worker);
  }
}

}  // namespace duel::cpu
