// Sweeps: one component of z takes one value after the other while the others stay.
#pragma once

#include <string>
#include <vector>

#include "apps/latent/painter.h"

namespace duel::latent {

/// "-0.6,0.1,0.3" as numbers. Throws Error that begins with `option` if one is none,
/// or not finite in single precision.
std::vector<double> parse_numbers(const std::string& option, const std::string& text);

/// "FROM:TO:COUNT", evenly spaced shares between 0 and 1, as quantiles of the standard normal distribution:
/// "0.14:0.86:8" gives -1.08 ... 1.08. Throws Error that begins with `option`.
std::vector<double> parse_quantiles(const std::string& option, const std::string& text);

/// The x below which a standard normal variable lies with probability p, 0 < p < 1.
double normal_quantile(double p);

/// The face with component `dim` set to each of the values. Throws Error if there is no such component.
std::vector<Latent> sweep(const Latent& face, int64_t dim, const std::vector<double>& values);

/// How much one component changes the picture.
struct ComponentChange {
  int64_t dim;
  double change;  ///< distance in grey levels between the pictures at its two ends, averaged over the faces
};

/// All components, the strongest first: each is set to `low` and to `high` in each of the faces.
std::vector<ComponentChange> rank_components(const Painter& painter, const std::vector<Latent>& faces,
                                             double low, double high);

}  // namespace duel::latent
