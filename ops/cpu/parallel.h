// Loops over many elements on all threads, cut into chunks whose borders depend on the size alone. A
// reduction that adds one partial result per chunk, in the order of the chunks, gives the same bits with any
// number of threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "lib/divisor.h"

namespace duel::cpu {

/// Below this many elements waking other threads costs more than it saves.
constexpr int64_t elements_per_chunk = 16384;

/// Calls body(begin, end) for consecutive ranges that cover 0 .. n-1.
template <class Body>
void parallel_for(int64_t n, const Body& body, int64_t chunk = elements_per_chunk) {
  const int64_t chunks = ceil_divide(n, chunk);
#pragma omp parallel for schedule(static) if (chunks > 1)
  for (int64_t c = 0; c < chunks; ++c) body(c * chunk, std::min(n, (c + 1) * chunk));
}

/// The sum of body(begin, end) over those ranges, in their order.
template <class Body>
double parallel_sum(int64_t n, const Body& body, int64_t chunk = elements_per_chunk) {
  const int64_t chunks = ceil_divide(n, chunk);
  std::vector<double> partial(static_cast<size_t>(chunks));
#pragma omp parallel for schedule(static) if (chunks > 1)
  for (int64_t c = 0; c < chunks; ++c)
    partial[static_cast<size_t>(c)] = body(c * chunk, std::min(n, (c + 1) * chunk));
  double sum = 0;
  for (double value : partial) sum += value;
  return sum;
}

}  // namespace duel::cpu
