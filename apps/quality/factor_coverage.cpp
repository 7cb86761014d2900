#include "apps/quality/factor_coverage.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include "apps/quality/neighbours.h"
#include "apps/quality/streams.h"

namespace duel::quality {
namespace {

constexpr size_t bins_of_a_range = 10;

/// The bins of one factor's values.
class Bins {
 public:
  Bins(const FaceFactor& factor, std::vector<float> known) : choices_(factor.choices.size()) {
    if (choices_ == 0) {
      std::sort(known.begin(), known.end());
      for (size_t bin = 1; bin < bins_of_a_range; ++bin)
        edges_.push_back(known[known.size() * bin / bins_of_a_range]);
    }
  }
  size_t count() const { return choices_ > 0 ? choices_ : bins_of_a_range; }
  size_t of(float value) const {
    if (choices_ > 0) return static_cast<size_t>(value);
    return static_cast<size_t>(std::upper_bound(edges_.begin(), edges_.end(), value) - edges_.begin());
  }

 private:
  size_t choices_;
  std::vector<float> edges_;
};

std::vector<float> values_of(const FaceFactor& factor, const std::vector<FaceFactors>& faces) {
  std::vector<float> values;
  for (const FaceFactors& face : faces) values.push_back(factor.get(face));
  return values;
}

std::vector<float> take(const std::vector<float>& values, const std::vector<int64_t>& rows) {
  std::vector<float> taken;
  for (const int64_t row : rows) taken.push_back(values[static_cast<size_t>(row)]);
  return taken;
}

std::vector<double> histogram(const Bins& bins, const std::vector<float>& values) {
  std::vector<double> shares(bins.count());
  for (const float value : values) shares[bins.of(value)] += 1.0 / static_cast<double>(values.size());
  return shares;
}

double overlap(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::min(a[i], b[i]);
  return sum;
}

Estimate covered(const Bins& bins, const std::vector<double>& known, const std::vector<float>& values,
                 int replicates, PhiloxWalk& random) {
  return within_one(bootstrap(overlap(known, histogram(bins, values)), replicates, [&] {
    const std::vector<int> times = resample(static_cast<int64_t>(values.size()), random);
    std::vector<float> drawn;
    for (size_t i = 0; i < values.size(); ++i)
      drawn.insert(drawn.end(), static_cast<size_t>(times[i]), values[i]);
    return overlap(known, histogram(bins, drawn));
  }));
}

double correlation(const std::vector<float>& a, const std::vector<float>& b) {
  double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i], y = b[i];
    sa += x, sb += y, saa += x * x, sbb += y * y, sab += x * y;
  }
  const auto n = static_cast<double>(a.size());
  const double spread = std::sqrt(std::max(0.0, saa - sa * sa / n) * std::max(0.0, sbb - sb * sb / n));
  return spread > 0 ? (sab - sa * sb / n) / spread : 0;
}

/// Of angles in degrees: the sum of sin(a - a0) sin(b - b0), scaled as a correlation is. From Jammalamadaka &
/// SenGupta, "Topics in Circular Statistics" (2001), page 177, with a0 and b0 as they are to be where angles
/// come from all around the circle and have no mean direction: a0 - b0 is the direction of the
/// differences, a0 + b0 that of the sums.
double circular_correlation(const std::vector<float>& a, const std::vector<float>& b) {
  constexpr double degree = std::numbers::pi / 180;
  std::complex<double> differences, sums;
  for (size_t i = 0; i < a.size(); ++i) {
    differences += std::polar(1.0, degree * (a[i] - b[i]));
    sums += std::polar(1.0, degree * (a[i] + b[i]));
  }
  const double a0 = (std::arg(sums) + std::arg(differences)) / 2, b0 = std::arg(sums) - a0;
  double saa = 0, sbb = 0, sab = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = std::sin(degree * a[i] - a0), y = std::sin(degree * b[i] - b0);
    saa += x * x, sbb += y * y, sab += x * y;
  }
  const double spread = std::sqrt(saa * sbb);
  return spread > 0 ? sab / spread : 0;
}

double share_right(const std::vector<float>& a, const std::vector<float>& b) {
  double right = 0;
  for (size_t i = 0; i < a.size(); ++i) right += a[i] == b[i];
  return right / static_cast<double>(a.size());
}

double trust(const FaceFactor& factor, const std::vector<float>& estimated, const std::vector<float>& truth) {
  if (!factor.choices.empty()) return share_right(estimated, truth);
  return factor.is_angle() ? circular_correlation(estimated, truth) : correlation(estimated, truth);
}

}  // namespace

std::vector<FactorCoverage> factor_coverage(const KnownFaces& known, const KnownFaces& reals,
                                            const Tensor& samples, const Tensor& noise, int replicates,
                                            uint64_t seed) {
  const std::vector<int64_t> by_samples = nearest(samples, known.points);
  const std::vector<int64_t> by_reals = nearest(reals.points, known.points);
  const std::vector<int64_t> by_noise = nearest(noise, known.points);
  PhiloxWalk random(seed, stream(Purpose::Bootstrap, 1));
  std::vector<FactorCoverage> coverage;
  for (const FaceFactor& factor : face_factors()) {
    const std::vector<float> values = values_of(factor, known.factors);
    const Bins bins(factor, values);
    const std::vector<double> expected = histogram(bins, values);
    const std::vector<float> estimated = take(values, by_reals), truth = values_of(factor, reals.factors);
    const auto measure = [&](const std::vector<float>& found) {
      return covered(bins, expected, found, replicates, random);
    };
    coverage.push_back({factor.name, measure(take(values, by_samples)), measure(estimated),
                        measure(take(values, by_noise)), trust(factor, estimated, truth)});
  }
  return coverage;
}

}  // namespace duel::quality
