// How much of what the synthetic set varies a generator's samples show.
#pragma once

#include <string>
#include <vector>

#include "apps/quality/estimate.h"
#include "lib/data/synthetic.h"
#include "lib/tensor.h"

namespace duel::quality {

/// A factor's values in pictures whose factors are not known are taken from the nearest picture (by `Tensor`
/// of points) among faces whose factors are. How far that may be trusted, factor by factor, is told by the
/// same estimate of faces that are known.
struct FactorCoverage {
  std::string name;
  /// The overlap of the values' histogram with that of the known faces, whose ten bins hold a tenth each (one
  /// bin a choice where the factor has choices): 1 where every value is as frequent as in the data, 0.1 where
  /// one tenth of the range is all there is.
  Estimate samples, reals, noise;
  /// Of the reals' estimates: the correlation with the truth, of angles the circular one, or the share that
  /// is right where the factor has choices.
  double trust = 0;
};

/// One row of pixels or features for each picture.
struct KnownFaces {
  Tensor points;
  std::vector<FaceFactors> factors;
};

/// The coverage of each factor by `samples` and by `noise`, points like those of `known`, from which factors
/// are taken; `reals` are other faces whose factors are known. Intervals are of `replicates` bootstrap
/// samples.
std::vector<FactorCoverage> factor_coverage(const KnownFaces& known, const KnownFaces& reals,
                                            const Tensor& samples, const Tensor& noise, int replicates,
                                            uint64_t seed);

}  // namespace duel::quality
