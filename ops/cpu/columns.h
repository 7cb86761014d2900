// Reductions over the rows of a (rows, columns) array, by chunks of rows: each chunk gives one partial result
// a column, and the partial results are combined in the order of the chunks, in double.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "lib/divisor.h"

namespace duel::cpu {

constexpr int64_t rows_per_chunk = 256;

/// Calls chunk(first row, rows, partial) for every chunk on all threads, `partial` being `width` zeros of
/// type T, and then, on this thread and in order, combine(rows, partial).
template <class T, class Chunk, class Combine>
void reduce_rows(int64_t rows, int64_t width, const Chunk& chunk, const Combine& combine) {
  const int64_t chunks = ceil_divide(rows, rows_per_chunk);
  std::vector<T> partials(static_cast<size_t>(chunks * width));
#pragma omp parallel for schedule(static) if (chunks > 1)
  for (int64_t c = 0; c < chunks; ++c) {
    const int64_t first = c * rows_per_chunk;
    chunk(first, std::min(rows_per_chunk, rows - first), partials.data() + c * width);
  }
  for (int64_t c = 0; c < chunks; ++c)
    combine(std::min(rows_per_chunk, rows - c * rows_per_chunk), partials.data() + c * width);
}

}  // namespace duel::cpu
