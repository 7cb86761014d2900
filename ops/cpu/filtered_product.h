// Forward and data gradient by minimal filtering: nine products that share their rows, see conv2d_filtered.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "ops/cpu/filter_grid.h"
#include "ops/cpu/gemm_blocks.h"

namespace duel::cpu {

/// The right factors of the nine products, (k x n) each.
class FilteredWeight {
 public:
  virtual ~FilteredWeight() = default;
  /// Of product i at out + i * stride: element (k + d, column + c) at [d * kernels.panel + c], for d < depth
  /// and c < columns, at most a panel of them.
  virtual void pack(const Microkernels& kernels, int64_t column, int64_t columns, int64_t k, int64_t depth,
                    float* out, int64_t stride) const = 0;
};

/// The depth is that of the channels of the pictures, once for each origin.
struct FilteredProduct {
  FilterGrid grid;
  std::array<FilterGrid::Origin, 4> origins;
  int64_t origin_count;
  int64_t groups, columns;
  const FilteredWeight* weight;
  OutputRows c;         ///< the first output of each group
  int64_t down, right;  ///< from there to the others
  bool accumulate;
  Epilogue epilogue;

  int64_t depth() const { return origin_count * grid.channels; }
};

constexpr size_t max_filtered_products = 4;

/// Computes up to that many at once on all threads; none may write what another reads or writes. The result
/// does not depend on the number of threads.
void multiply_filtered(std::span<const FilteredProduct> products);

}  // namespace duel::cpu
