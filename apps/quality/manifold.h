// Precision, recall, density and coverage: two sets of points compared by their nearest neighbours.
#pragma once

#include <vector>

#include "apps/quality/estimate.h"
#include "lib/tensor.h"

namespace duel::quality {

/// The four numbers of two sets.
struct ManifoldNumbers {
  double precision = 0, recall = 0, density = 0, coverage = 0;
};

struct Manifold {
  /// One value for each point whose mean is the number of that name; precision and density have one for each
  /// sample, recall and coverage one for each real.
  std::vector<double> precision, recall, density, coverage;
  /// The numbers with a twentieth of both sets left out, one twentieth after the other: picture i is of the
  /// group i modulo their number.
  std::vector<ManifoldNumbers> without;

  /// A number with its interval. All values of one number hang on the same balls, and so on each other: their
  /// own spread would make the interval several times too narrow.
  Estimate estimate(std::vector<double> Manifold::*points, double ManifoldNumbers::*number) const;
};

/// Improved precision and recall (Kynkaanniemi, Karras, Laine, Lehtinen & Aila, 2019) with k = 3: the share
/// of samples inside some real's ball, and of reals inside some sample's, a point's ball reaching to its k-th
/// nearest neighbour among its like. Density and coverage (Naeem, Oh, Uh, Choi & Yoo, 2020) with k = 5: by
/// how many of the reals' balls a sample is covered, over k; and the share of reals with a sample in their
/// ball. Throws Error unless each set has at least 6 points.
Manifold compare_manifolds(const Tensor& reals, const Tensor& samples);

}  // namespace duel::quality
