// A number with the interval that says how far to trust it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "lib/philox.h"

namespace duel::quality {

/// `low` and `high` bound the 95 % interval: value -+ 1.96 standard errors, the standard error being the
/// standard deviation over bootstrap samples (Efron & Tibshirani, "An Introduction to the Bootstrap", 1993,
/// section 13.2). Not the percentiles of the bootstrap: distances of resampled sets are biased upwards. None
/// of the numbers can be negative, so that the interval stops at 0.
struct Estimate {
  double value = 0, low = 0, high = 0;
};

/// How often each of `count` items is in a sample of `count` of them drawn with replacement.
std::vector<int> resample(int64_t count, PhiloxWalk& random);

/// `statistic` is asked for the value of each of `replicates` bootstrap samples.
Estimate bootstrap(double value, int replicates, const std::function<double()>& statistic);

/// The mean of independent items. Throws Error if there are none.
Estimate mean_estimate(std::span<const double> items, int replicates, PhiloxWalk& random);

}  // namespace duel::quality
