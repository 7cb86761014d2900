#include "apps/latent/factors.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>

#include "lib/error.h"

namespace duel::latent {
namespace {

bool has_order(const FaceFactor& factor) {
  if (!factor.choices.empty()) return std::string_view(factor.choices[0]) == "none";
  return !factor.is_angle();
}

double as_number(const FaceFactor& factor, const FaceFactors& person) {
  const double value = factor.get(person);
  return factor.choices.empty() ? value : value > 0;
}

/// Shifted to mean 0 and scaled to length 1; all 0 where nothing varies.
std::vector<double> standardised(std::vector<double> values) {
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  double squares = 0;
  for (double& value : values) {
    value -= mean;
    squares += value * value;
  }
  for (double& value : values) value = squares > 0 ? value / std::sqrt(squares) : 0;
  return values;
}

}  // namespace

std::vector<size_t> FactorCorrelation::ranked() const {
  std::vector<size_t> components(r.size());
  std::iota(components.begin(), components.end(), size_t{0});
  std::stable_sort(components.begin(), components.end(),
                   [this](size_t a, size_t b) { return std::fabs(r[a]) > std::fabs(r[b]); });
  return components;
}

std::vector<FactorCorrelation> correlate(const std::vector<FaceFactors>& people,
                                         const std::vector<Latent>& faces) {
  check(people.size() == faces.size() && people.size() >= 2, "[correlate] ", people.size(), " people and ",
        faces.size(), " faces cannot be correlated");
  std::vector<std::vector<double>> components;
  for (size_t i = 0; i < faces[0].size(); ++i) {
    std::vector<double> values;
    for (const Latent& face : faces) values.push_back(face[i]);
    components.push_back(standardised(std::move(values)));
  }
  std::vector<FactorCorrelation> result;
  for (const FaceFactor& factor : face_factors()) {
    if (!has_order(factor)) continue;
    std::vector<double> values;
    for (const FaceFactors& person : people) values.push_back(as_number(factor, person));
    values = standardised(std::move(values));
    FactorCorrelation correlation{factor.name, {}};
    for (const std::vector<double>& component : components)
      correlation.r.push_back(std::inner_product(values.begin(), values.end(), component.begin(), 0.0));
    result.push_back(std::move(correlation));
  }
  const auto strongest = [](const FactorCorrelation& c) { return std::fabs(c.r[c.ranked()[0]]); };
  std::stable_sort(result.begin(), result.end(), [&](const FactorCorrelation& a, const FactorCorrelation& b) {
    return strongest(a) > strongest(b);
  });
  return result;
}

}  // namespace duel::latent
