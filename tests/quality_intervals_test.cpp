// The intervals of the quality numbers against what they stand for: the spread of numbers that are computed
// again, from other data or from all of a bootstrap sample.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numeric>

#include "apps/quality/pictures.h"
#include "apps/quality/pyramid_distance.h"
#include "apps/quality/streams.h"
#include "lib/data/synthetic.h"
#include "tests/tensors.h"

namespace duel::quality {
namespace {

double standard_error(const Estimate& estimate) { return (estimate.high - estimate.value) / 1.959964; }

double deviation(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / (count - 1));
}

/// A set of pictures taken apart, and the places of their patches.
struct Apart {
  std::vector<Tensor> bands;
  std::vector<PatchPlaces> places;
};

Apart take_apart(const Tensor& pictures, const PyramidOptions& options, uint64_t set) {
  Apart apart{laplacian_pyramid(pictures), {}};
  PhiloxWalk random(options.seed, stream(Purpose::Patches, set));
  for (const Tensor& band : apart.bands)
    apart.places.push_back(random_places(pictures.dim(0), options.patches, band.dim(1), random));
  return apart;
}

/// The patches of a band of the pictures that `which` names, cut out where they are of each.
Tensor patches_of(const Apart& apart, size_t band, const std::vector<int64_t>& which) {
  const Tensor& from = apart.bands[band];
  const PatchPlaces& places = apart.places[band];
  const Tensor pictures = Tensor::empty(from.shape());
  PatchPlaces drawn{places.per_picture, {}, {}};
  for (size_t i = 0; i < which.size(); ++i) {
    pictures.rows(static_cast<int64_t>(i), 1).copy_from(from.rows(which[i], 1));
    for (int64_t k = 0; k < places.per_picture; ++k) {
      const auto patch = static_cast<size_t>(which[i] * places.per_picture + k);
      drawn.y.push_back(places.y[patch]);
      drawn.x.push_back(places.x[patch]);
    }
  }
  return patch_descriptors(pictures, drawn);
}

/// The standard error in each band by a bootstrap whose samples are normalised, projected and sorted anew.
std::vector<double> full_bootstrap(const std::array<Tensor, 2>& sets, const PyramidOptions& options,
                                   const std::vector<Estimate>& estimates) {
  const int64_t count = sets[0].dim(0);
  const std::array<Apart, 2> apart{take_apart(sets[0], options, 0), take_apart(sets[1], options, 1)};
  PhiloxWalk random(9, 0), of_directions(0, stream(Purpose::Directions));
  const auto draw = [&] {
    std::vector<int64_t> which(static_cast<size_t>(count));
    for (int64_t& picture : which) picture = random.below(static_cast<uint32_t>(count));
    return which;
  };
  std::vector<int64_t> each(static_cast<size_t>(count));
  std::iota(each.begin(), each.end(), 0);
  std::vector<double> errors;
  for (size_t band = 0; band < apart[0].bands.size(); ++band) {
    const Tensor directions =
        random_directions(patch_side * patch_side * sets[0].dim(3), options.directions, of_directions);
    const auto distance = [&](const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
      return 1000 * sliced_wasserstein(project(patches_of(apart[0], band, a), directions),
                                       project(patches_of(apart[1], band, b), directions));
    };
    EXPECT_DOUBLE_EQ(distance(each, each), estimates[band].value);
    std::vector<double> distances;
    for (int i = 0; i < options.replicates; ++i) {
      const std::vector<int64_t> a = draw(), b = draw();
      distances.push_back(distance(a, b));
    }
    errors.push_back(deviation(distances));
  }
  return errors;
}

TEST(QualityPyramid, IntervalsAreThoseOfAFullBootstrap) {
  constexpr int64_t count = 100;
  const PyramidOptions options{.directions = 16, .replicates = 60, .seed = 3};
  const SyntheticFaces faces(2 * count, 32, 3, 1);
  std::vector<int64_t> numbers(2 * count);
  std::iota(numbers.begin(), numbers.end(), 0);
  const Tensor all = read_pictures(faces, numbers);
  const Tensor reals = all.rows(0, count), others = all.rows(count, count);
  // Something between the faces and noise, as a bad generator may draw it.
  const Tensor noise = random_tensor(others.shape(), 1, DType::Float32, Normal{0, 0.3});
  for (int64_t i = 0; i < noise.numel(); ++i) noise.data<float>()[i] += 0.3f * others.data<float>()[i];
  for (const Tensor& samples : {others, noise}) {
    const std::vector<Estimate> estimates =
        pyramid_distances(project_bands(reals, options, 0), project_bands(samples, options, 1), options);
    const std::vector<double> errors = full_bootstrap({reals, samples}, options, estimates);
    for (size_t band = 0; band < errors.size(); ++band) {
      const double told = standard_error(estimates[band]);
      EXPECT_GT(told / errors[band], 0.7) << band << ": " << told << " for " << errors[band];
      EXPECT_LT(told / errors[band], 1.35) << band << ": " << told << " for " << errors[band];
    }
  }
}

TEST(QualityPyramid, DirectionsAreTheSameWhateverTheSeed) {
  // Pictures of one grey each, so that it does not matter where the patches lie.
  const Tensor pictures = Tensor::empty({6, 16, 16, 1});
  for (int64_t i = 0; i < 6; ++i)
    pictures.rows(i, 1).copy_from(Tensor::full({1, 16, 16, 1}, 0.1 * static_cast<double>(i * i)));
  const auto values = [&](uint64_t seed) {
    const ProjectedBands projected = project_bands(pictures, {.seed = seed}, 0);
    std::vector<float> all;
    for (const auto& direction : projected.bands[0].directions)
      for (const auto& item : direction) all.push_back(item.value);
    return all;
  };
  EXPECT_EQ(values(1), values(2));
}

}  // namespace
}  // namespace duel::quality
