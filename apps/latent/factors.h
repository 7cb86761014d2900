// Which components of z carry which known factor of the synthetic set.
#pragma once

#include <string>
#include <vector>

#include "apps/latent/names.h"
#include "lib/data/synthetic.h"

namespace duel::latent {

/// A factor and Pearson's correlation of it with each component of z.
struct FactorCorrelation {
  std::string factor;
  std::vector<double> r;  ///< (z_dim)

  /// The components by |r|, the strongest first.
  std::vector<size_t> ranked() const;
};

/// Correlates the factors of people with the latents of their pictures (as many, at least two), and puts the
/// factor with the strongest correlation first. A factor with choices counts as 0 for "none" and 1 for any
/// other; those without a "none" have no order and are left out, as are hues, which run in a circle. What
/// does not vary has the correlation 0.
std::vector<FactorCorrelation> correlate(const std::vector<FaceFactors>& people,
                                         const std::vector<Latent>& faces);

}  // namespace duel::latent
