// The intervals of the quality numbers against what they stand for: the spread of numbers that are computed
// again, from other data or from all of a bootstrap sample.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numeric>

#include "apps/quality/manifold.h"
#include "apps/quality/pictures.h"
#include "apps/quality/pyramid_distance.h"
#include "apps/quality/streams.h"
#include "lib/data/synthetic.h"
#include "ops/layout.h"
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

TEST(QualityEstimate, HasTheIntervalOfAMean) {
  // 1,000 items of standard deviation 1/2: the standard error is 0.0158.
  std::vector<double> items(1000);
  for (size_t i = 0; i < items.size(); ++i) items[i] = i % 2;
  PhiloxWalk random(1, 0);
  const Estimate estimate = mean_estimate(items, 400, random);
  EXPECT_DOUBLE_EQ(estimate.value, 0.5);
  EXPECT_NEAR(estimate.high - estimate.value, 1.96 * 0.0158, 0.004);
  EXPECT_NEAR(estimate.value - estimate.low, estimate.high - estimate.value, 1e-12);
}

TEST(QualityEstimate, OfAShareIsWilsons) {
  std::vector<double> items(100);
  const auto expect = [&](double value, double low, double high) {
    const Estimate estimate = share_estimate(items);
    EXPECT_DOUBLE_EQ(estimate.value, value);
    EXPECT_NEAR(estimate.low, low, 5e-5);
    EXPECT_NEAR(estimate.high, high, 5e-5);
  };
  expect(0, 0, 0.0370);
  std::fill_n(items.begin(), 10, 1.0);
  expect(0.1, 0.0552, 0.1744);
  std::fill(items.begin(), items.end(), 1.0);
  expect(1, 0.9630, 1);
}

TEST(QualityEstimate, JackknifeOfAMeanHasItsStandardError) {
  const std::vector<double> items = random_tensor({40}, 1).to_vector<double>();
  const double sum = std::accumulate(items.begin(), items.end(), 0.0);
  std::vector<double> without;
  for (const double item : items) without.push_back((sum - item) / 39);
  const Estimate estimate = jackknife(10, without);
  EXPECT_EQ(estimate.value, 10);
  EXPECT_NEAR(standard_error(estimate), deviation(items) / std::sqrt(40.0), 1e-12);
}

TEST(QualityEstimate, IsNeverBelowNothing) {
  const Estimate estimate = jackknife(0.1, std::vector<double>{0, 1});
  EXPECT_EQ(estimate.low, 0);
  EXPECT_GT(estimate.high, 0.5);
}

TEST(QualityEstimate, StopsAtOneWhereTheNumberDoes) {
  EXPECT_EQ(within_one({0.9, 0.7, 1.1}).high, 1);
  EXPECT_EQ(within_one({0.9, 0.85, 0.95}).high, 0.95);
}

/// Points around the origin, at very different distances: the outermost ones have balls so wide that a few of
/// them decide on precision and density.
Tensor scattered_points(int64_t count, int64_t width, uint64_t seed) {
  const Tensor points = random_tensor({count, width}, 2 * seed, DType::Float32);
  const std::vector<float> scales = random_tensor({count}, 2 * seed + 1, DType::Float32).to_vector<float>();
  for (int64_t i = 0; i < points.numel(); ++i)
    points.data<float>()[i] *= std::exp(0.7f * scales[static_cast<size_t>(i / width)]);
  return points;
}

// Group g of 20 is what is left out of both sets: points g, g + 20, ...
TEST(QualityManifold, NumbersWithoutAGroupAreThoseOfTheOtherPoints) {
  constexpr int64_t count = 50, width = 4, groups = 20;
  const Tensor reals = scattered_points(count, width, 1),
               samples = random_tensor({count, width}, 1000, DType::Float32, Normal{0.5, 1});
  const Manifold manifold = compare_manifolds(reals, samples);
  ASSERT_EQ(manifold.without.size(), size_t{groups});
  const auto mean = [](const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  };
  for (int64_t group = 0; group < groups; ++group) {
    const auto rest = [group](const Tensor& points) {
      std::vector<Tensor> rows;
      for (int64_t i = 0; i < count; ++i)
        if (i % groups != group) rows.push_back(points.rows(i, 1));
      return concatenate(rows, 0);
    };
    const Manifold other = compare_manifolds(rest(reals), rest(samples));
    const ManifoldNumbers& numbers = manifold.without[static_cast<size_t>(group)];
    EXPECT_NEAR(numbers.precision, mean(other.precision), 1e-12) << group;
    EXPECT_NEAR(numbers.recall, mean(other.recall), 1e-12) << group;
    EXPECT_NEAR(numbers.density, mean(other.density), 1e-12) << group;
    EXPECT_NEAR(numbers.coverage, mean(other.coverage), 1e-12) << group;
  }
}

TEST(QualityManifold, IntervalsHoldTheSpreadOfOtherDraws) {
  constexpr int64_t count = 200, width = 8;
  constexpr uint64_t draws = 40;
  const std::vector<std::pair<std::vector<double> Manifold::*, double ManifoldNumbers::*>> numbers{
      {&Manifold::precision, &ManifoldNumbers::precision},
      {&Manifold::recall, &ManifoldNumbers::recall},
      {&Manifold::density, &ManifoldNumbers::density},
      {&Manifold::coverage, &ManifoldNumbers::coverage}};
  std::vector<std::vector<double>> values(numbers.size());
  std::vector<double> told(numbers.size());
  for (uint64_t draw = 0; draw < draws; ++draw) {
    const Tensor samples = random_tensor({count, width}, 1000 + draw, DType::Float32, Normal{1.2, 0.7});
    const Manifold manifold = compare_manifolds(scattered_points(count, width, draw), samples);
    for (size_t i = 0; i < numbers.size(); ++i) {
      const Estimate estimate = manifold.estimate(numbers[i].first, numbers[i].second);
      values[i].push_back(estimate.value);
      told[i] += standard_error(estimate) / draws;
    }
  }
  for (size_t i = 0; i < numbers.size(); ++i) {
    EXPECT_GT(told[i] / deviation(values[i]), 0.6) << i;
    EXPECT_LT(told[i] / deviation(values[i]), 2) << i;
  }
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
