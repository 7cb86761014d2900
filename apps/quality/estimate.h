// A number with the interval that says how far to trust it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "lib/philox.h"

namespace duel::quality {

/// `low` and `high` bound the 95 % interval. Of a share of independent items it is Wilson's. Of all else it
/// is value -+ 1.96 standard errors, by the bootstrap or the jackknife, and stops where the number does: at
/// 0, as none can be negative, and at 1 where within_one() says so.
struct Estimate {
  double value = 0, low = 0, high = 0;
};

/// How often each of `count` items is in a sample of `count` of them drawn with replacement.
std::vector<int> resample(int64_t count, PhiloxWalk& random);

/// The standard error is the standard deviation over bootstrap samples (Efron & Tibshirani, "An Introduction
/// to the Bootstrap", 1993, section 13.2). Not the percentiles of the bootstrap: distances of resampled sets
/// are biased upwards. `statistic` is asked for the value of each of `replicates` bootstrap samples.
Estimate bootstrap(double value, int replicates, const std::function<double()>& statistic);

/// The mean of independent items. Throws Error if there are none.
Estimate mean_estimate(std::span<const double> items, int replicates, PhiloxWalk& random);

/// The share of independent items that are 1, all others being 0, with the interval of E. B. Wilson,
/// "Probable Inference, the Law of Succession, and Statistical Inference" (1927), which has a width also
/// where the share is 0 or 1. Throws Error if there are no items.
Estimate share_estimate(std::span<const double> items);

/// `without` holds the value with one group of the data left out after the other: the delete-a-group
/// jackknife (Shao & Tu, "The Jackknife and Bootstrap", 1995, section 5.1). It serves where bootstrap samples
/// do not, as a point that is drawn twice is its own nearest neighbour.
Estimate jackknife(double value, std::span<const double> without);

/// Of a number that cannot exceed 1.
Estimate within_one(Estimate estimate);

}  // namespace duel::quality
