#include "apps/quality/estimate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lib/error.h"

namespace duel::quality {
namespace {

constexpr double normal_97_5 = 1.959964;

Estimate around(double value, double variance) {
  const double margin = normal_97_5 * std::sqrt(std::max(0.0, variance));
  return {value, std::max(0.0, value - margin), value + margin};
}

}  // namespace

std::vector<int> resample(int64_t count, PhiloxWalk& random) {
  std::vector<int> times(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) ++times[random.below(static_cast<uint32_t>(count))];
  return times;
}

Estimate bootstrap(double value, int replicates, const std::function<double()>& statistic) {
  double sum = 0, squares = 0;
  for (int i = 0; i < replicates; ++i) {
    const double difference = statistic() - value;
    sum += difference;
    squares += difference * difference;
  }
  return around(value, replicates > 1 ? (squares - sum * sum / replicates) / (replicates - 1) : 0);
}

Estimate mean_estimate(std::span<const double> items, int replicates, PhiloxWalk& random) {
  check(!items.empty(), "[quality] the mean of no items");
  const auto count = static_cast<double>(items.size());
  const double mean = std::accumulate(items.begin(), items.end(), 0.0) / count;
  return bootstrap(mean, replicates, [&] {
    const std::vector<int> times = resample(static_cast<int64_t>(items.size()), random);
    double sum = 0;
    for (size_t i = 0; i < items.size(); ++i) sum += times[i] * items[i];
    return sum / count;
  });
}

Estimate share_estimate(std::span<const double> items) {
  check(!items.empty(), "[quality] the share of no items");
  constexpr double z = normal_97_5;
  const auto count = static_cast<double>(items.size());
  const double share = std::accumulate(items.begin(), items.end(), 0.0) / count;
  const double middle = share + z * z / (2 * count);
  const double margin = z * std::sqrt(share * (1 - share) / count + z * z / (4 * count * count));
  const double scale = 1 / (1 + z * z / count);
  // At a share of 0 or 1 rounding could put the bound past it.
  return {share, std::min(share, std::max(0.0, scale * (middle - margin))),
          std::max(share, std::min(1.0, scale * (middle + margin)))};
}

Estimate jackknife(double value, std::span<const double> without) {
  const auto groups = static_cast<double>(without.size());
  const double mean = std::accumulate(without.begin(), without.end(), 0.0) / groups;
  double squares = 0;
  for (const double x : without) squares += (x - mean) * (x - mean);
  return around(value, squares * (groups - 1) / groups);
}

Estimate within_one(Estimate estimate) {
  estimate.high = std::min(1.0, estimate.high);
  return estimate;
}

}  // namespace duel::quality
