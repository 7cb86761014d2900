// Which permutations turn matrices: of all the ones that networks ask for, those between channels-first and
// channels-last.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lib/host_device.h"
#include "lib/shape.h"

namespace duel {

/// `slices` matrices of rows by columns of x, whose rows become the columns of y. So far apart are the slices
/// and rows of x, and the slices and rows of y.
struct Turn {
  int64_t slices, rows, columns;
  int64_t x_slice, x_row, y_slice, y_row;

  DUEL_HOST_DEVICE int64_t source(int64_t slice, int64_t row, int64_t column) const {
    return slice * x_slice + row * x_row + column;
  }
  DUEL_HOST_DEVICE int64_t target(int64_t slice, int64_t row, int64_t column) const {
    return slice * y_slice + column * y_row + row;
  }
};

/// The permutation of x by `dims` as a turn, if it is one: dimensions that stay beside each other count as
/// one, and then the last two of at most three change places.
inline std::optional<Turn> turn_of(const Shape& x, std::span<const int> dims) {
  struct Run {
    int first;
    int64_t size;
  };
  std::vector<Run> runs;
  int next = -1;
  for (const int d : dims) {
    if (d == next) {
      runs.back().size *= x[d];
    } else {
      runs.push_back({d, x[d]});
    }
    next = d + 1;
  }
  if (runs.size() < 2 || runs.size() > 3) return {};
  const bool sliced = runs.size() == 3;
  if (sliced && runs[0].first != 0) return {};
  const Run &columns = runs[sliced], &rows = runs[sliced + 1u];
  if (columns.first < rows.first) return {};
  const int64_t matrix = rows.size * columns.size;
  return Turn{sliced ? runs[0].size : 1, rows.size, columns.size, matrix, columns.size, matrix, rows.size};
}

}  // namespace duel
