// Sums and moments that are gathered piece by piece: what the threads of a reduction accumulate, and how two
// of their results are merged into one. Each converts to a wider type, for the last merge of many.
#pragma once

#include "lib/host_device.h"

namespace duel {

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

template <class T>
struct TwoSums {
  T first, second;

  DUEL_HOST_DEVICE static TwoSums none() { return {T(0), T(0)}; }
  DUEL_HOST_DEVICE void add(T a, T b) {
    first += a;
    second += b;
  }
  DUEL_HOST_DEVICE void merge(const TwoSums& other) { add(other.first, other.second); }
  template <class Wide>
  DUEL_HOST_DEVICE TwoSums<Wide> as() const {
    return {Wide(first), Wide(second)};
  }
};

/// Mean and sum of squared deviations from it: Welford's update for one more number, and for two sets the
/// update of Chan, Golub & LeVeque, "Algorithms for Computing the Sample Variance" (1983). Neither subtracts
/// large sums from each other, so a mean far from zero costs no digits.
template <class T>
struct Moments {
  T count, mean, squares;

  DUEL_HOST_DEVICE static Moments none() { return {T(0), T(0), T(0)}; }
  DUEL_HOST_DEVICE void add(T x) {
    count += T(1);
    const T delta = x - mean;
    mean += delta / count;
    squares += delta * (x - mean);
  }
  DUEL_HOST_DEVICE void merge(const Moments& other) {
    if (other.count == T(0)) return;
    const T total = count + other.count, delta = other.mean - mean, share = other.count / total;
    mean += delta * share;
    squares += other.squares + delta * delta * count * share;
    count = total;
  }
  /// Of the numbers themselves, not of a population they were drawn from.
  DUEL_HOST_DEVICE T variance() const { return squares / count; }
  template <class Wide>
  DUEL_HOST_DEVICE Moments<Wide> as() const {
    return {Wide(count), Wide(mean), Wide(squares)};
  }
};

}  // namespace duel
