#include "apps/quality/estimate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lib/error.h"

namespace duel::quality {

std::vector<int> resample(int64_t count, PhiloxWalk& random) {
  std::vector<int> times(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) ++times[random.below(static_cast<uint32_t>(count))];
  return times;
}

Estimate bootstrap(double value, int replicates, const std::function<double()>& statistic) {
  constexpr double normal_97_5 = 1.959964;
  double sum = 0, squares = 0;
  for (int i = 0; i < replicates; ++i) {
    const double difference = statistic() - value;
    sum += difference;
    squares += difference * difference;
  }
  const double variance = replicates > 1 ? (squares - sum * sum / replicates) / (replicates - 1) : 0;
  const double margin = normal_97_5 * std::sqrt(std::max(0.0, variance));
  return {value, std::max(0.0, value - margin), value + margin};
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

}  // namespace duel::quality
