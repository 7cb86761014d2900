// What the diagnosis looks at.
#pragma once

#include <cstdint>
#include <utility>

#include "apps/gan/observer.h"
#include "lib/data/dataset.h"
#include "lib/tensor.h"

namespace duel::diagnosis {

/// How a run is after an epoch.
struct Vitals {
  int64_t epoch = 0, step = 0;
  // Means over the epoch's lines of metrics.csv.
  double d_loss = 0, g_loss = 0;
  double d_real = 0, d_fake = 0;
  /// Share of the steps between two lines, over the last eight lines, in which D(G(z)) swung by more than
  /// 0.5.
  double swings = 0;
  /// The norm of the gradient that reached G's parameters in the last step.
  double g_gradient = 0;
  // A batch of samples against one of real pictures: their mean distance from each other, in pixels and in
  // D's last features. 1 where samples vary as much as reals do, 0 where all are the same.
  double pixel_diversity = 0, feature_diversity = 0;
  /// How far the samples' spectrum peaks at a period of two pixels, in units of the frequencies beside it,
  /// over the same of the reals. The share of the samples' variance that lies there says whether anybody
  /// would see it.
  double checkerboard = 0, checkerboard_share = 0;
  /// Share of samples that are copies of training pictures, by quality::copies(); where there are more than
  /// 50 training pictures, of these only those that are less than half as far from the one copied as any
  /// other training picture is. Where the run mirrors pictures, a training picture and its mirror image count
  /// as one here and in `nearness`, and the distance to it is that to the nearer of the two.
  double copies = 0;
  /// How far samples are from their nearest training pictures, over how far training pictures are from their
  /// nearest others: the medians of both. 0 where all samples are copies.
  double nearness = 1;
};

/// All figures of a look, by their names: the columns of vitals.csv after epoch and step.
inline constexpr std::pair<const char*, double Vitals::*> figures[] = {
    {"d_loss", &Vitals::d_loss},
    {"g_loss", &Vitals::g_loss},
    {"d_real", &Vitals::d_real},
    {"d_fake", &Vitals::d_fake},
    {"swings", &Vitals::swings},
    {"g_gradient", &Vitals::g_gradient},
    {"pixel_diversity", &Vitals::pixel_diversity},
    {"feature_diversity", &Vitals::feature_diversity},
    {"checkerboard", &Vitals::checkerboard},
    {"checkerboard_share", &Vitals::checkerboard_share},
    {"copies", &Vitals::copies},
    {"nearness", &Vitals::nearness}};

/// Measures all but what metrics.csv holds. Everything that it draws comes from a stream of its own, and the
/// networks are looked at in evaluation mode, so that a run is the same with and without it.
class Examination {
 public:
  /// Reads up to 20,000 training pictures. `data` is not needed afterwards. `hflip`: the run mirrors them.
  Examination(const Dataset& data, bool hflip);

  /// Where samples hold what is no finite number, so does each figure that is taken from them: it is NaN.
  void look(gan::Trainer& trainer, Vitals& vitals) const;

 private:
  Tensor reals_;     // a batch of pictures
  Tensor training_;  // the points of all
  bool hflip_;
  double pixel_distance_ = 0, peak_ = 0;
  double training_distance_ = 0;  // the median one between nearest training pictures
};

/// How much a batch (N, S, S, C) peaks at a period of two pixels, along rows, columns and both, where a grid
/// that the stride leaves has its power: that power over the frequencies' beside it, and its share of the
/// variance.
struct Peak {
  double height = 0, share = 0;
};
Peak stride_peak(const Tensor& pictures);

}  // namespace duel::diagnosis
