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
constexpr uint64_t directions_seed = 0;

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

PatchMoments moments_of(const Tensor& descriptors, const Tensor& directions, int64_t pictures,
                        int64_t channels) {
  const auto c = static_cast<size_t>(channels), items = static_cast<size_t>(descriptors.numel() / pictures);
  PatchMoments moments{std::vector<double>(static_cast<size_t>(pictures) * c), {}, {}};
  moments.squares = moments.means;
  const auto share = static_cast<double>(c) / static_cast<double>(items);
  const float* value = descriptors.data<float>();
  for (size_t i = 0; i < static_cast<size_t>(pictures); ++i) {
    for (size_t k = 0; k < items; ++k, ++value) {
      moments.means[i * c + k % c] += share * *value;
      moments.squares[i * c + k % c] += share * *value * *value;
    }
  }
  const auto count = static_cast<size_t>(directions.dim(1));
  moments.of_directions.resize(count * c);
  for (size_t k = 0; k < static_cast<size_t>(directions.numel()); ++k)
    moments.of_directions[k % count * c + k / count % c] += directions.data<float>()[k];
  return moments;
}

/// One band of a set, to draw bootstrap samples from: pictures, each as often as `times` says.
class Urn {
 public:
  Urn(const ProjectedBands& set, size_t band)
      : sorted_(set.bands[band]),
        moments_(set.moments[band]),
        patches_(static_cast<size_t>(set.patches)),
        channels_(static_cast<size_t>(set.channels)),
        usual_(normalisation(std::vector<int>(static_cast<size_t>(set.pictures), 1)).deviation) {}

  /// What the descriptors of a sample are to be brought to mean 0 and deviation 1 by.
  struct Normalisation {
    std::vector<double> means;  // of the channels
    double deviation = 0;       // of all channels as one
  };
  Normalisation normalisation(const std::vector<int>& times) const {
    Normalisation result{std::vector<double>(channels_), 0};
    const double share = 1 / static_cast<double>(times.size());
    double variance = 0;
    for (size_t c = 0; c < channels_; ++c) {
      double squares = 0;
      for (size_t i = 0; i < times.size(); ++i) {
        result.means[c] += share * times[i] * moments_.means[i * channels_ + c];
        squares += share * times[i] * moments_.squares[i * channels_ + c];
      }
      variance += (squares - result.means[c] * result.means[c]) / static_cast<double>(channels_);
    }
    result.deviation = std::sqrt(std::max(0.0, variance));
    return result;
  }

  /// The sorted values in one direction. The sample's descriptors would be normalised anew, by which samples
  /// come to differ several times less, and the projection with them. Here all channels are given one
  /// deviation, so that it is the same for every value, and leaves them sorted.
  void draw(size_t direction, const std::vector<int>& times, const Normalisation& by,
            std::vector<double>& values) const {
    double shift = 0;
    for (size_t c = 0; c < channels_; ++c)
      shift += by.means[c] * moments_.of_directions[direction * channels_ + c];
    const double scale = by.deviation > 0 ? usual_ / by.deviation : 1;
    values.clear();
    for (const auto& [value, row] : sorted_.directions[direction])
      values.insert(values.end(), static_cast<size_t>(times[row / patches_]), (value - shift) * scale);
  }

 private:
  const SortedProjections& sorted_;
  const PatchMoments& moments_;
  size_t patches_, channels_;
  double usual_;  // 1, but less where pictures are flat
};

double drawn_distance(const Urn& a, const Urn& b, size_t directions, const std::vector<int>& times_a,
                      const std::vector<int>& times_b) {
  const Urn::Normalisation by_a = a.normalisation(times_a), by_b = b.normalisation(times_b);
  std::vector<double> x, y;
  double sum = 0;
  for (size_t d = 0; d < directions; ++d) {
    a.draw(d, times_a, by_a, x);
    b.draw(d, times_b, by_b, y);
    for (size_t k = 0; k < x.size(); ++k) sum += std::abs(x[k] - y[k]);
  }
  return sum / static_cast<double>(directions * x.size());
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
  const auto offsets = static_cast<uint32_t>(side - patch_side + 1);
  for (int64_t i = 0; i < pictures * per_picture; ++i) {
    places.y.push_back(random.below(offsets));
    places.x.push_back(random.below(offsets));
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
    // Pictures of one flat colour have none; what rounding leaves in their bands must not pass for one.
    const double scale = 1 / std::max(deviation, 1e-6);
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
    for (int64_t i = 0; i < rows; ++i) {
      const float value = values[i * count + d];
      check(std::isfinite(value), "[pyramid] a patch holds numbers that are not finite");
      items[static_cast<size_t>(i)] = {value, static_cast<uint32_t>(i)};
    }
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
  const int64_t n = pictures.dim(0), channels = pictures.dim(3);
  ProjectedBands projected{n, options.patches, channels, {}, {}, {}};
  PhiloxWalk patches(options.seed, stream(Purpose::Patches, set));
  PhiloxWalk random(directions_seed, stream(Purpose::Directions));
  for (const Tensor& band : laplacian_pyramid(pictures)) {
    const int64_t side = band.dim(1), components = patch_side * patch_side * channels;
    const PatchPlaces places = random_places(n, options.patches, side, patches);
    const Tensor descriptors = patch_descriptors(band, places);
    const Tensor directions = random_directions(components, options.directions, random);
    projected.sides.push_back(side);
    projected.bands.push_back(project(descriptors, directions));
    projected.moments.push_back(moments_of(descriptors, directions, n, channels));
  }
  return projected;
}

std::vector<Estimate> pyramid_distances(const ProjectedBands& a, const ProjectedBands& b,
                                        const PyramidOptions& options) {
  check(a.pictures == b.pictures && a.sides == b.sides, "[pyramid] sets of ", a.pictures, " and ", b.pictures,
        " pictures, or of different sizes");
  // The spread over bootstrap samples hardly depends on the number of directions.
  const size_t directions = std::min<size_t>(16, static_cast<size_t>(options.directions));
  PhiloxWalk random(options.seed, stream(Purpose::Bootstrap));
  const size_t bands = a.bands.size();
  std::vector<double> values(bands + 1);
  std::vector<std::vector<double>> replicates(bands + 1);
  std::vector<Urn> urns_a, urns_b;
  for (size_t band = 0; band < bands; ++band) {
    urns_a.emplace_back(a, band);
    urns_b.emplace_back(b, band);
    values[band] = 1000 * sliced_wasserstein(a.bands[band], b.bands[band]);
    values[bands] += values[band] / static_cast<double>(bands);
  }
  for (int i = 0; i < options.replicates; ++i) {
    const std::vector<int> times_a = resample(a.pictures, random), times_b = resample(b.pictures, random);
    double mean = 0;
    for (size_t band = 0; band < bands; ++band) {
      replicates[band].push_back(1000 *
                                 drawn_distance(urns_a[band], urns_b[band], directions, times_a, times_b));
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
