#include "apps/diagnosis/vitals.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <numeric>
#include <utility>

#include "apps/quality/median.h"
#include "apps/quality/neighbours.h"
#include "apps/quality/pictures.h"
#include "apps/quality/samples.h"
#include "lib/autograd.h"
#include "lib/finite.h"

namespace duel::diagnosis {
namespace {

using quality::Points;

constexpr int64_t batch = 128, most_training_pictures = 20000, fewest_for_copies = 8, few = 50;

/// The numbers of n pictures, evenly over the set: it may be sorted.
std::vector<int64_t> spread_over(int64_t size, int64_t n) {
  std::vector<int64_t> which(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) which[static_cast<size_t>(i)] = i * size / n;
  return which;
}

/// The mean distance of two different rows.
double spread(const Tensor& points) {
  const int64_t n = points.dim(0);
  const std::vector<float> distances = quality::distances(points, points).to_vector<float>();
  return std::accumulate(distances.begin(), distances.end(), 0.0) /
         static_cast<double>(n * std::max<int64_t>(1, n - 1));
}

/// What D's last layer gets to see, (N, F) on the CPU.
Tensor last_features(nn::Module& discriminator, const Tensor& pictures) {
  const NoGrad no_graph;
  const nn::Evaluating evaluating(discriminator);
  Tensor x = pictures;
  const auto& layers = discriminator.children();
  for (size_t i = 0; i + 1 < layers.size(); ++i) x = (*layers[i].second)(x);
  return x.to(Device{}).view({x.dim(0), x.numel() / x.dim(0)});
}

double gradient_norm(nn::Module& network) {
  double squares = 0;
  for (const nn::NamedTensor& parameter : network.parameters()) {
    if (!parameter.tensor->grad().defined()) continue;
    for (const float x : parameter.tensor->grad().to_vector<float>()) squares += static_cast<double>(x) * x;
  }
  return std::sqrt(squares);
}

/// The brightness of picture i, (S * S), without its mean; its variance is added to `variance`.
std::vector<double> brightness(const Tensor& pictures, int64_t i, double& variance) {
  const int64_t pixels = pictures.dim(1) * pictures.dim(2), channels = pictures.dim(3);
  const float* from = pictures.data<float>() + i * pixels * channels;
  std::vector<double> grey(static_cast<size_t>(pixels));
  for (double& value : grey) {
    for (int64_t c = 0; c < channels; ++c) value += *from++ / static_cast<double>(channels);
  }
  const double mean = std::accumulate(grey.begin(), grey.end(), 0.0) / static_cast<double>(pixels);
  for (double& value : grey) {
    value -= mean;
    variance += value * value / static_cast<double>(pixels);
  }
  return grey;
}

/// e^(-2 pi i n / side) for n = 0 .. side - 1.
std::vector<std::complex<double>> unit_circle(int64_t side) {
  std::vector<std::complex<double>> circle;
  for (int64_t n = 0; n < side; ++n)
    circle.push_back(
        std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(n) / static_cast<double>(side)));
  return circle;
}

/// The power of a picture where a grid of `k` waves a side has it: along x, along y and along both, at the
/// lowest frequencies across, as what the grid lies on changes slowly.
double power_at(const std::vector<double>& grey, const std::vector<std::complex<double>>& circle, int64_t k) {
  const auto side = static_cast<int64_t>(circle.size());
  double power = 0;
  for (const auto& [u, v] : std::initializer_list<std::pair<int64_t, int64_t>>{
           {k, 0}, {0, k}, {k, 1}, {1, k}, {k, k}, {k, k - 1}, {k - 1, k}}) {
    std::complex<double> sum = 0;
    for (int64_t y = 0; y < side; ++y) {
      for (int64_t x = 0; x < side; ++x)
        sum += grey[static_cast<size_t>(y * side + x)] * circle[static_cast<size_t>((u * x + v * y) % side)];
    }
    power += std::norm(sum);
  }
  const auto pixels = static_cast<double>(side * side);
  return power / (pixels * pixels);
}

/// The median distance of `points` to the nearest of `others`. With `itself` the point i is also the row
/// itself[i] there, which does not count.
double median_nearest(const Points& points, const Tensor& others, const std::vector<int64_t>& itself = {}) {
  const Tensor distances = quality::distances(points, others);
  const int64_t n = points.count(), m = others.dim(0);
  std::vector<float> nearest;
  for (int64_t i = 0; i < n; ++i) {
    float* const row = distances.data<float>() + i * m;
    if (!itself.empty()) row[itself[static_cast<size_t>(i)]] = std::numeric_limits<float>::infinity();
    nearest.push_back(*std::min_element(row, row + m));
  }
  return quality::median(nearest);
}

/// The points of pictures whose mirror images are theirs, too, with `hflip`.
Points points_of(const Tensor& pictures, bool hflip) {
  return {quality::points_of(pictures), hflip ? quality::points_of(quality::mirrored(pictures)) : Tensor()};
}

/// Row `rows[i]` of `points` as row i.
Tensor take_rows(const Tensor& points, const std::vector<int64_t>& rows) {
  const Tensor taken = Tensor::empty({static_cast<int64_t>(rows.size()), points.dim(1)});
  for (size_t i = 0; i < rows.size(); ++i)
    taken.rows(static_cast<int64_t>(i), 1).copy_from(points.rows(rows[i], 1));
  return taken;
}

Points take_rows(const Points& points, const std::vector<int64_t>& rows) {
  return {take_rows(points.upright, rows),
          points.mirrored.defined() ? take_rows(points.mirrored, rows) : Tensor()};
}

/// Training points that were kept without their mirror images, with them.
Points with_mirrored(const Tensor& points, int64_t channels) {
  const int64_t side = quality::point_side;
  const Tensor small = points.view({points.dim(0), side, side, channels});
  return {points, quality::mirrored(small).view(points.shape())};
}

/// The share of samples that are copies, by quality::copies() and because any other training picture is more
/// than twice as far from the one copied as the sample is: where training pictures lie close together, as
/// simple ones do, good samples are close to some of them, too. Of a few training pictures none lies close to
/// another, and quality::copies() has compared the sample with all of them.
double share_of_copies(const Points& samples, const Tensor& training, int64_t channels) {
  const std::vector<double> close = quality::copies(samples, training);
  const auto total = static_cast<double>(close.size());
  if (training.dim(0) <= few) return std::accumulate(close.begin(), close.end(), 0.0) / total;
  std::vector<int64_t> rows;
  for (size_t i = 0; i < close.size(); ++i)
    if (close[i] != 0) rows.push_back(static_cast<int64_t>(i));
  if (rows.empty()) return 0;
  const Points suspects = take_rows(samples, rows);
  const std::vector<int64_t> copied = quality::nearest(suspects, training);
  const Tensor originals = take_rows(training, copied);
  const Tensor to_all = quality::distances(
      samples.mirrored.defined() ? with_mirrored(originals, channels) : Points(originals), training);
  const Tensor from_samples = quality::distances(suspects, originals);
  const int64_t n = training.dim(0), m = from_samples.dim(1);
  double count = 0;
  for (int64_t i = 0; i < m; ++i) {
    float* const row = to_all.data<float>() + i * n;
    row[copied[static_cast<size_t>(i)]] = std::numeric_limits<float>::infinity();
    count += 2 * from_samples.data<float>()[i * m + i] < *std::min_element(row, row + n);
  }
  return count / total;
}

}  // namespace

Peak stride_peak(const Tensor& pictures) {
  const int64_t side = pictures.dim(1), looked_at = std::min<int64_t>(pictures.dim(0), 32);
  const auto circle = unit_circle(side);
  double variance = 0, peak = 0, beside = 0;
  for (int64_t i = 0; i < looked_at; ++i) {
    const std::vector<double> grey = brightness(pictures, i, variance);
    peak += power_at(grey, circle, side / 2);
    beside += power_at(grey, circle, side / 2 - 2);
  }
  return {beside > 0 ? peak / beside : 0, variance > 0 ? peak / variance : 0};
}

Examination::Examination(const Dataset& data, bool hflip) : hflip_(hflip) {
  const int64_t size = data.size();
  training_ = quality::read_points(data, spread_over(size, std::min(size, most_training_pictures)));
  reals_ = quality::read_pictures(data, spread_over(size, std::min(size, batch)));
  pixel_distance_ = spread(quality::points_of(reals_));
  peak_ = stride_peak(reals_).height;
  if (training_.dim(0) < fewest_for_copies) return;
  const std::vector<int64_t> some = spread_over(training_.dim(0), std::min(training_.dim(0), batch));
  const Tensor points = take_rows(training_, some);
  training_distance_ =
      median_nearest(hflip ? with_mirrored(points, data.channels()) : Points(points), training_, some);
}

void Examination::look(gan::Trainer& trainer, Vitals& vitals) const {
  constexpr double tiny = 1e-12;
  vitals.g_gradient = gradient_norm(trainer.generator());
  const Tensor samples = quality::draw_samples(trainer.generator(), trainer.config(), batch,
                                               trainer.config().seed, trainer.device());
  if (!all_finite({samples.data<float>(), static_cast<size_t>(samples.numel())})) {
    for (double* const figure : {&vitals.pixel_diversity, &vitals.feature_diversity, &vitals.checkerboard,
                                 &vitals.checkerboard_share, &vitals.copies, &vitals.nearness})
      *figure = std::numeric_limits<double>::quiet_NaN();
    return;
  }
  const Points points = points_of(samples, hflip_);
  vitals.pixel_diversity = spread(points.upright) / std::max(pixel_distance_, tiny);
  nn::Module& d = trainer.discriminator();
  vitals.feature_diversity = spread(last_features(d, samples.to(trainer.device()))) /
                             std::max(spread(last_features(d, reals_.to(trainer.device()))), tiny);
  const Peak peak = stride_peak(samples);
  vitals.checkerboard = peak.height / std::max(peak_, tiny);
  vitals.checkerboard_share = peak.share;
  if (training_.dim(0) >= fewest_for_copies) {
    vitals.copies = share_of_copies(points, training_, samples.dim(3));
    vitals.nearness = median_nearest(points, training_) / std::max(training_distance_, tiny);
  }
}

}  // namespace duel::diagnosis
