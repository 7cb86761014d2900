#include "apps/quality/manifold.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "apps/quality/neighbours.h"
#include "lib/error.h"

namespace duel::quality {
namespace {

constexpr size_t k_of_recall = 3, k_of_coverage = 5, most_groups = 20;

/// One bit for each variant of the sets: bit g without the group g, the bit after the groups' with all
/// points.
using Variants = uint32_t;
constexpr size_t most_variants = most_groups + 1;

/// A ball's radius in each variant.
using Radii = std::array<float, most_variants>;

struct Groups {
  size_t count;

  size_t of(size_t point) const { return point % count; }
  /// The variants that have a point.
  Variants with(size_t point) const { return ((Variants{2} << count) - 1) & ~(Variants{1} << of(point)); }
};

/// The nearest others of one point, of each group as many as any radius may ask for: whichever group is left
/// out, the nearest of the rest are among them.
class Nearest {
 public:
  explicit Nearest(const Groups& groups) : groups_(groups) {}

  void find(const float* row, size_t count, size_t itself) {
    for (auto& group : of_group_) group.fill(INFINITY);
    for (size_t j = 0; j < count; ++j) {
      auto& group = of_group_[groups_.of(j)];
      if (j == itself || row[j] >= group.back()) continue;
      size_t place = k_of_coverage - 1;
      for (; place > 0 && group[place - 1] > row[j]; --place) group[place] = group[place - 1];
      group[place] = row[j];
    }
    sorted_.clear();
    for (size_t g = 0; g < groups_.count; ++g)
      for (const float distance : of_group_[g])
        if (distance < INFINITY) sorted_.emplace_back(distance, g);
    std::sort(sorted_.begin(), sorted_.end());
  }

  /// The distances to the k-th nearest; to the farthest where a variant has fewer.
  Radii radii(size_t k) const {
    Radii radii{};
    for (size_t variant = 0; variant <= groups_.count; ++variant) {
      size_t seen = 0;
      for (const auto& [distance, group] : sorted_) {
        if (group == variant) continue;
        radii[variant] = distance;
        if (++seen == k) break;
      }
    }
    return radii;
  }

 private:
  Groups groups_;
  std::array<std::array<float, k_of_coverage>, most_groups> of_group_;
  std::vector<std::pair<float, size_t>> sorted_;
};

/// The balls around the points of one set.
struct Balls {
  std::vector<Radii> of_recall, of_coverage;
};

Balls balls_of(const Tensor& points, const Groups& groups) {
  const auto count = static_cast<size_t>(points.dim(0));
  check(count > k_of_coverage, "[quality] ", count, " pictures are too few: compare at least ",
        k_of_coverage + 1);
  Balls balls;
  Nearest nearest(groups);
  for_each_row(points, points, [&](int64_t i, const float* row) {
    nearest.find(row, count, static_cast<size_t>(i));
    balls.of_recall.push_back(nearest.radii(k_of_recall));
    balls.of_coverage.push_back(nearest.radii(k_of_coverage));
  });
  return balls;
}

float largest(const Radii& radii) { return *std::max_element(radii.begin(), radii.end()); }

/// The variants in which a ball reaches as far as `distance`.
Variants reached(const Radii& radii, float distance, const Groups& groups) {
  Variants variants = 0;
  for (size_t v = 0; v <= groups.count; ++v) variants |= static_cast<Variants>(distance <= radii[v]) << v;
  return variants;
}

/// What is known of the points in each variant.
struct Tally {
  std::vector<Variants> precise, recalled, covered;   // of samples, reals, reals
  std::vector<std::array<int, most_variants>> among;  // of samples: the balls they are in
};

Tally compare(const Tensor& reals, const Tensor& samples, const Groups& groups) {
  const Balls of_reals = balls_of(reals, groups), of_samples = balls_of(samples, groups);
  const auto n = static_cast<size_t>(reals.dim(0)), m = static_cast<size_t>(samples.dim(0));
  std::vector<float> reach(n);  // beyond it a sample is in no ball of the real
  for (size_t i = 0; i < n; ++i)
    reach[i] = std::max(largest(of_reals.of_recall[i]), largest(of_reals.of_coverage[i]));
  Tally tally{std::vector<Variants>(m), std::vector<Variants>(n), std::vector<Variants>(n),
              std::vector<std::array<int, most_variants>>(m)};
  for_each_row(samples, reals, [&](int64_t sample, const float* row) {
    const auto j = static_cast<size_t>(sample);
    const float own_reach = largest(of_samples.of_recall[j]);
    for (size_t i = 0; i < n; ++i) {
      const float distance = row[i];
      if (distance > std::max(reach[i], own_reach) || !std::isfinite(distance)) continue;
      const Variants both = groups.with(i) & groups.with(j);
      tally.precise[j] |= both & reached(of_reals.of_recall[i], distance, groups);
      tally.recalled[i] |= both & reached(of_samples.of_recall[j], distance, groups);
      const Variants covered = both & reached(of_reals.of_coverage[i], distance, groups);
      tally.covered[i] |= covered;
      for (size_t v = 0; v <= groups.count; ++v) tally.among[j][v] += covered >> v & 1;
    }
  });
  return tally;
}

double share_in(const std::vector<Variants>& points, size_t variant, const Groups& groups) {
  double hits = 0, count = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    hits += points[i] >> variant & 1;
    count += groups.with(i) >> variant & 1;
  }
  return hits / count;
}

ManifoldNumbers numbers_in(const Tally& tally, size_t variant, const Groups& groups) {
  double balls = 0, samples = 0;
  for (size_t j = 0; j < tally.among.size(); ++j) {
    balls += tally.among[j][variant];
    samples += groups.with(j) >> variant & 1;
  }
  return {share_in(tally.precise, variant, groups), share_in(tally.recalled, variant, groups),
          balls / samples / k_of_coverage, share_in(tally.covered, variant, groups)};
}

}  // namespace

Estimate Manifold::estimate(std::vector<double> Manifold::*points, double ManifoldNumbers::*number) const {
  const std::vector<double>& all = this->*points;
  std::vector<double> values;
  for (const ManifoldNumbers& numbers : without) values.push_back(numbers.*number);
  return jackknife(std::accumulate(all.begin(), all.end(), 0.0) / static_cast<double>(all.size()), values);
}

Manifold compare_manifolds(const Tensor& reals, const Tensor& samples) {
  const Groups groups{
      static_cast<size_t>(std::min({static_cast<int64_t>(most_groups), reals.dim(0), samples.dim(0)}))};
  const Tally tally = compare(reals, samples, groups);
  Manifold result;
  const auto with_all = [&](const std::vector<Variants>& points) {
    std::vector<double> values;
    for (const Variants variants : points) values.push_back(variants >> groups.count & 1);
    return values;
  };
  result.precision = with_all(tally.precise);
  result.recall = with_all(tally.recalled);
  result.coverage = with_all(tally.covered);
  for (const auto& balls : tally.among)
    result.density.push_back(static_cast<double>(balls[groups.count]) / k_of_coverage);
  for (size_t g = 0; g < groups.count; ++g) result.without.push_back(numbers_in(tally, g, groups));
  return result;
}

}  // namespace duel::quality
