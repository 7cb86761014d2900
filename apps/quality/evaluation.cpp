#include "apps/quality/evaluation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "apps/quality/manifold.h"
#include "apps/quality/ms_ssim.h"
#include "apps/quality/neighbours.h"
#include "apps/quality/pictures.h"
#include "apps/quality/streams.h"
#include "lib/error.h"
#include "lib/finite.h"

namespace duel::quality {
namespace {

/// Training pictures among which copies are looked for; more would take minutes.
constexpr int64_t most_training_pictures = 50000;
constexpr int64_t fewest_pictures = 12;

/// A random order of the data: the first `count` pictures are the reference, the next ones the reals that are
/// compared with it.
std::vector<int64_t> random_order(int64_t size, uint64_t seed) {
  std::vector<int64_t> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  PhiloxWalk random(seed, stream(Purpose::Split));
  for (size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[random.below(static_cast<uint32_t>(i))]);
  return order;
}

Tensor noise_like(const Tensor& pictures, uint64_t seed) {
  const Tensor noise = Tensor::empty(pictures.shape());
  RandomStream(seed, static_cast<Stream>(stream(Purpose::Noise))).fill(noise, Uniform{-1, 1});
  return noise;
}

/// What is no number is neither near to anything nor far from it: the numbers would say what they like.
void check_finite(const Tensor& samples) {
  check(all_finite({samples.data<float>(), static_cast<size_t>(samples.numel())}),
        "quality: the samples hold numbers that are not finite, so that there is nothing to judge");
}

PyramidOptions pyramid_options(const EvaluationOptions& options) {
  return {.replicates = std::min(options.replicates, 30), .seed = options.seed};
}

}  // namespace

void check_enough(const Dataset& data, const EvaluationOptions& options) {
  check(data.size() >= fewest_pictures, "quality numbers need at least ", fewest_pictures,
        " pictures, the data has ", data.size());
  check(options.count >= fewest_pictures / 2, "quality numbers need at least ", fewest_pictures / 2,
        " samples, got ", options.count);
}

Evaluator::Evaluator(const Dataset& data, const EvaluationOptions& options)
    : options_(options),
      count_(std::min(options.count, data.size() / 2)),
      features_(data.image_size(), data.channels()) {
  check_enough(data, options);
  read(data);
  noise_ = look_at(noise_like(reference_.pictures, options.seed), 2);
  std::vector<int64_t> rows(static_cast<size_t>(count_));
  std::iota(rows.begin(), rows.end(), count_);
  scores_of_reals_ = measure(reals_, rows);
  scores_of_noise_ = measure(noise_);
}

void Evaluator::read(const Dataset& data) {
  std::vector<int64_t> order = random_order(data.size(), options_.seed);
  order.resize(static_cast<size_t>(std::min(data.size(), std::max(most_training_pictures, 2 * count_))));
  const std::span<const int64_t> all(order);
  const auto n = static_cast<size_t>(count_);
  reference_ = look_at(read_pictures(data, all.first(n)), 0);
  reals_ = look_at(read_pictures(data, all.subspan(n, n)), 1);

  training_ = read_points(data, all);
  if (const auto* faces = dynamic_cast<const SyntheticFaces*>(&data)) {
    for (const int64_t index : order) factors_.push_back(faces->factors(index));
  }
}

Evaluator::Set Evaluator::look_at(const Tensor& pictures, uint64_t number) {
  return {pictures, points_of(pictures), options_.hflip ? points_of(mirrored(pictures)) : Tensor(),
          features_(pictures), project_bands(pictures, pyramid_options(options_), number)};
}

Evaluator::Named Evaluator::measure(const Set& set, const std::vector<int64_t>& rows) const {
  Named scores;
  const std::vector<Estimate> distances =
      pyramid_distances(reference_.bands, set.bands, pyramid_options(options_));
  for (size_t band = 0; band < set.bands.sides.size(); ++band)
    scores.emplace_back(concat("swd_", set.bands.sides[band]), distances[band]);
  scores.emplace_back("swd", distances.back());

  PhiloxWalk random(options_.seed, stream(Purpose::Bootstrap, 2));
  std::vector<std::pair<int64_t, int64_t>> pairs;  // each picture in one: so they are independent
  for (int64_t i = 0; i + 1 < count_; i += 2) pairs.emplace_back(i, i + 1);
  scores.emplace_back("ms_ssim",
                      within_one(mean_estimate(ms_ssim(set.pictures, pairs), options_.replicates, random)));
  const Manifold m = compare_manifolds(reference_.features, set.features);
  using Numbers = ManifoldNumbers;
  scores.emplace_back("precision", within_one(m.estimate(&Manifold::precision, &Numbers::precision)));
  scores.emplace_back("recall", within_one(m.estimate(&Manifold::recall, &Numbers::recall)));
  scores.emplace_back("density", m.estimate(&Manifold::density, &Numbers::density));
  scores.emplace_back("coverage", within_one(m.estimate(&Manifold::coverage, &Numbers::coverage)));
  scores.emplace_back("copies", share_estimate(copies({set.points, set.mirrored}, training_, rows)));
  return scores;
}

Evaluation Evaluator::evaluate(const Tensor& samples) {
  check_shape("quality", "samples", samples, reference_.pictures.shape());
  check_finite(samples);
  const Set set = look_at(samples, 3);
  const Named scores = measure(set);
  Evaluation evaluation{count_, {}, {}};
  for (size_t i = 0; i < scores.size(); ++i)
    evaluation.scores.push_back(
        {scores[i].first, scores[i].second, scores_of_reals_[i].second, scores_of_noise_[i].second});
  if (factors_.empty()) return evaluation;
  // The known faces are those that the reals are not among.
  const auto n = static_cast<size_t>(count_);
  const auto first = factors_.begin() + count_, last = first + count_;
  KnownFaces known{Tensor::empty({training_.dim(0) - count_, training_.dim(1)}), {}};
  known.points.rows(0, count_).copy_from(reference_.points);
  const int64_t rest = training_.dim(0) - 2 * count_;
  if (rest > 0) known.points.rows(count_, rest).copy_from(training_.rows(2 * count_, rest));
  known.factors.assign(factors_.begin(), first);
  known.factors.insert(known.factors.end(), last, factors_.end());
  KnownFaces reals{reals_.points, std::vector<FaceFactors>(first, last)};
  check(reals.factors.size() == n, "[quality] factors of ", reals.factors.size(), " faces");
  evaluation.factors =
      factor_coverage(known, reals, set.points, noise_.points, options_.replicates, options_.seed);
  return evaluation;
}

}  // namespace duel::quality
