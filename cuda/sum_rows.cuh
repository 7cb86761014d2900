// Plain sums over rows, for reduce_rows().
#pragma once

#include "cuda/accumulators.h"
#include "cuda/rows.cuh"

namespace duel::cuda {

template <class T>
struct SumUp {
  using State = Sum<T>;
  struct Column {
    DUEL_HOST_DEVICE void operator()(State& state, T x) const { state.add(x); }
  };
  DUEL_HOST_DEVICE Column column(int64_t) const { return {}; }
};

/// y = factor * sum or +=.
template <class T>
struct StoreSum {
  double factor;
  bool add;
  T* y;
  DUEL_HOST_DEVICE void operator()(int64_t column, const Sum<double>& sum) const {
    y[column] = T(factor * sum.total) + (add ? y[column] : T(0));
  }
};

}  // namespace duel::cuda
