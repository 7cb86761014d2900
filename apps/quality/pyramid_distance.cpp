#include "apps/quality/pyramid_distance.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "apps/quality/streams.h"
#include "lib/error.h"
#include "ops/matmul.h"

namespace duel::quality {
namespace {

constexpr std::array<float, 5> binomial{1 / 16.0f, 4 / 16.0f, 6 / 16.0f, 4 / 16.0f, 1 / 16.0f};
constexpr int64_t coarsest = 16;

/// -1 -> 1 and side -> side - 2: mirrored about the outermost pixel.
int64_t mirrored(int64_t i, int64_t side) {
  if (i < 0) return -i;
  return i < side ? i : 2 * (side - 1) - i;
}

/// (outer, length, inner) filtered along the middle.
void filter_along(const std::vector<float>& x, std::vector<float>& y, int64_t outer, int64_t length,
                  int64_t inner) {
  std::fill(y.begin(), y.end(), 0.0f);
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < length; ++i) {
      float* const to = y.data() + (o * length + i) * inner;
      for (int64_t k = 0; k < 5; ++k) {
        const float* const from = x.data() + (o * length + mirrored(i + k - 2, length)) * inner;
        for (int64_t c = 0; c < inner; ++c) to[c] += binomial[static_cast<size_t>(k)] * from[c];
      }
    }
  }
}

std::vector<float> filtered(const std::vector<float>& x, int64_t n, int64_t side, int64_t channels) {
  std::vector<float> rows(x.size()), both(x.size());
  filter_along(x, rows, n * side, side, channels);
  filter_along(rows, both, n, side, side * channels);
  return both;
}

/// Calls visit(index in the picture of side `side`, index in the one of half the side) for each element that
/// both have.
template <class Visit>
void for_each_even(int64_t n, int64_t side, int64_t channels, const Visit& visit) {
  size_t small = 0;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t y = 0; y < side; y += 2) {
      for (int64_t x = 0; x < side; x += 2) {
        for (int64_t c = 0; c < channels; ++c)
          visit(static_cast<size_t>(((i * side + y) * side + x) * channels + c), small++);
      }
    }
  }
}

Tensor halved(const Tensor& pictures) {
  const int64_t n = pictures.dim(0), side = pictures.dim(1), channels = pictures.dim(3);
  const std::vector<float> smooth = filtered(pictures.to_vector<float>(), n, side, channels);
  std::vector<float> half(smooth.size() / 4);
  for_each_even(n, side, channels, [&](size_t large, size_t small) { half[small] = smooth[large]; });
  return Tensor::from(half, {n, side / 2, side / 2, channels});
}

Tensor doubled(const Tensor& pictures) {
  const int64_t n = pictures.dim(0), side = 2 * pictures.dim(1), channels = pictures.dim(3);
  const std::vector<float> half = pictures.to_vector<float>();
  std::vector<float> sparse(half.size() * 4);
  for_each_even(n, side, channels, [&](size_t large, size_t small) { sparse[large] = 4 * half[small]; });
  return Tensor::from(filtered(sparse, n, side, channels), {n, side, side, channels});
}

void subtract(const Tensor& from, const Tensor& what) {
  float* const to = from.data<float>();
  const float* const other = what.data<float>();
  for (int64_t i = 0; i < from.numel(); ++i) to[i] -= other[i];
}

/// The sorted values of a bootstrap sample: each picture's patches as often as the picture was drawn.
void draw(const std::vector<SortedProjections::Item>& sorted, const std::vector<int>& times, int64_t patches,
          std::vector<float>& values) {
  values.clear();
  for (const auto& [value, row] : sorted)
    values.insert(values.end(), static_cast<size_t>(times[row / static_cast<size_t>(patches)]), value);
}

}  // namespace

std::vector<Tensor> laplacian_pyramid(const Tensor& pictures) {
  check(pictures.dims() == 4 && pictures.dim(1) == pictures.dim(2) && pictures.dim(1) >= coarsest &&
            (pictures.dim(1) & (pictures.dim(1) - 1)) == 0,
        "[pyramid] pictures must be (N, S, S, C) with S a power of two of at least ", coarsest, ", got ",
        pictures.shape());
  std::vector<Tensor> bands{pictures.clone()};
  while (bands.back().dim(1) > coarsest) {
    const Tensor smaller = halved(bands.back());
    subtract(bands.back(), doubled(smaller));
    bands.push_back(smaller);
  }
  return bands;
}

PatchPlaces random_places(int64_t pictures, int64_t per_picture, int64_t side, PhiloxWalk& random) {
  PatchPlaces places{per_picture, {}, {}};
  const auto positions = static_cast<uint32_t>(side - patch_side + 1);
  for (int64_t i = 0; i < pictures * per_picture; ++i) {
    places.y.push_back(random.below(positions));
    places.x.push_back(random.below(positions));
  }
  return places;
}

Tensor patch_descriptors(const Tensor& band, const PatchPlaces& places) {
  const int64_t side = band.dim(1), channels = band.dim(3), row = patch_side * channels;
  const int64_t count = band.dim(0) * places.per_picture, components = patch_side * row;
  const float* const from = band.data<float>();
  const Tensor descriptors = Tensor::empty({count, components});
  float* to = descriptors.data<float>();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t picture = i / places.per_picture;
    const int64_t y = places.y[static_cast<size_t>(i)], x = places.x[static_cast<size_t>(i)];
    for (int64_t dy = 0; dy < patch_side; ++dy, to += row)
      std::copy_n(from + ((picture * side + y + dy) * side + x) * channels, row, to);
  }
  float* const values = descriptors.data<float>();
  for (int64_t c = 0; c < channels; ++c) {
    double sum = 0, squares = 0;
    for (int64_t i = c; i < descriptors.numel(); i += channels) sum += values[i];
    const double mean = sum / static_cast<double>(descriptors.numel() / channels);
    for (int64_t i = c; i < descriptors.numel(); i += channels)
      squares += (values[i] - mean) * (values[i] - mean);
    const double deviation = std::sqrt(squares / static_cast<double>(descriptors.numel() / channels));
    const double scale = 1 / std::max(deviation, 1e-8);  // pictures of one flat colour have none
    for (int64_t i = c; i < descriptors.numel(); i += channels)
      values[i] = static_cast<float>((values[i] - mean) * scale);
  }
  return descriptors;
}

Tensor random_directions(int64_t components, int64_t count, PhiloxWalk& random) {
  std::vector<float> values(static_cast<size_t>(components * count));
  PhiloxBlock block{};
  for (size_t i = 0; i < values.size(); ++i) {
    if (i % 4 == 0) block = {{random.word(), random.word(), random.word(), random.word()}};
    values[i] = to_normal(block, static_cast<int>(i % 4));
  }
  for (int64_t d = 0; d < count; ++d) {
    double squares = 0;
    for (size_t i = static_cast<size_t>(d); i < values.size(); i += static_cast<size_t>(count))
      squares += static_cast<double>(values[i]) * values[i];
    const auto scale = static_cast<float>(1 / std::sqrt(squares));
    for (size_t i = static_cast<size_t>(d); i < values.size(); i += static_cast<size_t>(count))
      values[i] *= scale;
  }
  return Tensor::from(values, {components, count});
}

SortedProjections project(const Tensor& descriptors, const Tensor& directions) {
  const int64_t rows = descriptors.dim(0), count = directions.dim(1);
  const Tensor projections = matmul(descriptors, directions);
  const float* const values = projections.data<float>();
  SortedProjections sorted;
  for (int64_t d = 0; d < count; ++d) {
    std::vector<SortedProjections::Item> items(static_cast<size_t>(rows));
    for (int64_t i = 0; i < rows; ++i)
      items[static_cast<size_t>(i)] = {values[i * count + d], static_cast<uint32_t>(i)};
    std::sort(items.begin(), items.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
    sorted.directions.push_back(std::move(items));
  }
  return sorted;
}

double sliced_wasserstein(const SortedProjections& a, const SortedProjections& b) {
  double sum = 0;
  size_t terms = 0;
  for (size_t d = 0; d < a.directions.size(); ++d) {
    const auto &x = a.directions[d], &y = b.directions[d];
    check(x.size() == y.size(), "[sliced_wasserstein] sets of ", x.size(), " and ", y.size(), " patches");
    for (size_t i = 0; i < x.size(); ++i) sum += std::abs(static_cast<double>(x[i].value) - y[i].value);
    terms += x.size();
  }
  return sum / static_cast<double>(terms);
}

ProjectedBands project_bands(const Tensor& pictures, const PyramidOptions& options, uint64_t set) {
  ProjectedBands projected{pictures.dim(0), options.patches, {}, {}};
  PhiloxWalk patches(options.seed, stream(Purpose::Patches, set));
  PhiloxWalk random(options.seed, stream(Purpose::Directions));
  for (const Tensor& band : laplacian_pyramid(pictures)) {
    const int64_t side = band.dim(1), components = patch_side * patch_side * band.dim(3);
    const PatchPlaces places = random_places(pictures.dim(0), options.patches, side, patches);
    projected.sides.push_back(side);
    projected.bands.push_back(
        project(patch_descriptors(band, places), random_directions(components, options.directions, random)));
  }
  return projected;
}

std::vector<Estimate> pyramid_distances(const ProjectedBands& a, const ProjectedBands& b,
                                        const PyramidOptions& options) {
  check(a.pictures == b.pictures && a.sides == b.sides, "[pyramid] sets of ", a.pictures, " and ", b.pictures,
        " pictures, or of different sizes");
  // The spread over bootstrap samples hardly depends on the number of directions.
  constexpr size_t bootstrap_directions = 16;
  PhiloxWalk random(options.seed, stream(Purpose::Bootstrap));
  const size_t bands = a.bands.size();
  std::vector<double> values(bands + 1);
  std::vector<std::vector<double>> replicates(bands + 1);
  for (size_t band = 0; band < bands; ++band) {
    values[band] = 1000 * sliced_wasserstein(a.bands[band], b.bands[band]);
    values[bands] += values[band] / static_cast<double>(bands);
  }
  std::vector<float> x, y;
  for (int i = 0; i < options.replicates; ++i) {
    const std::vector<int> times_a = resample(a.pictures, random), times_b = resample(b.pictures, random);
    double mean = 0;
    for (size_t band = 0; band < bands; ++band) {
      const auto &in_a = a.bands[band].directions, &in_b = b.bands[band].directions;
      const size_t directions = std::min(bootstrap_directions, in_a.size());
      double sum = 0;
      for (size_t d = 0; d < directions; ++d) {
        draw(in_a[d], times_a, a.patches, x);
        draw(in_b[d], times_b, b.patches, y);
        for (size_t k = 0; k < x.size(); ++k) sum += std::abs(x[k] - y[k]);
      }
      replicates[band].push_back(1000 * sum / static_cast<double>(directions * x.size()));
      mean += replicates[band].back() / static_cast<double>(bands);
    }
    replicates[bands].push_back(mean);
  }
  std::vector<Estimate> estimates;
  for (size_t k = 0; k <= bands; ++k) {
    size_t next = 0;
    estimates.push_back(bootstrap(values[k], options.replicates, [&] { return replicates[k][next++]; }));
  }
  return estimates;
}

}  // namespace duel::quality
