// Sums that are gathered piece by piece: what the threads of a reduction accumulate, and how two of their
// results are merged into one. Each converts to a wider type, for the last merge of many. And moments, which
// are computed from such sums.
#pragma once

#include <cmath>

#include "lib/host_device.h"

namespace duel::cuda {

template <class T>
struct Sum {
  T total;

  DUEL_HOST_DEVICE static Sum none() { return {T(0)}; }
  DUEL_HOST_DEVICE void add(T x) { total += x; }
  DUEL_HOST_DEVICE void merge(const Sum& other) { total += other.total; }
  template <class Wide>
  DUEL_HOST_DEVICE Sum<Wide> as() const {
    return {Wide(total)};
  }
};

/// Read and written by one instruction.
template <class T>
struct alignas(2 * sizeof(T)) TwoSums {
  T first, second;

  DUEL_HOST_DEVICE static TwoSums none() { return {T(0), T(0)}; }
  DUEL_HOST_DEVICE void add(T a, T b) {
    first += a;
    second += b;
  }
  /// add(a, b * c), by one instruction less.
  DUEL_HOST_DEVICE void add_product(T a, T b, T c) {
    first += a;
    second = std::fma(b, c, second);
  }
  DUEL_HOST_DEVICE void merge(const TwoSums& other) { add(other.first, other.second); }
  template <class Wide>
  DUEL_HOST_DEVICE TwoSums<Wide> as() const {
    return {Wide(first), Wide(second)};
  }
};

/// Of the numbers themselves: the variance is biased, divided by how many there are.
template <class T>
struct Moments {
  T mean, variance;
};

/// Gathers numbers for their moments: the sums of their distances from `shift` and of the squares of these,
/// which merge as other sums do and, unlike a mean that is kept up to date, need no division for each number.
/// A shift from among the numbers, the same for all that are merged, lies as near to them as they lie to each
/// other, so a mean far from zero costs no digits; one that is k standard deviations off the mean costs the
/// variance those of 1 + k^2.
template <class T>
struct AroundShift {
  T shift;

  DUEL_HOST_DEVICE void operator()(TwoSums<T>& sums, T x) const {
    const T distance = x - shift;
    sums.add_product(distance, distance, distance);
  }
  /// Of `a_number` = 1 / how many numbers were gathered.
  DUEL_HOST_DEVICE Moments<T> moments(const TwoSums<T>& sums, T a_number) const {
    const T distance = sums.first * a_number, variance = sums.second * a_number - distance * distance;
    return {shift + distance, variance > T(0) ? variance : T(0)};
  }
};

}  // namespace duel::cuda
