// All quality numbers of a set of samples, beside those of real pictures and of noise.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "apps/gan/json.h"
#include "apps/quality/estimate.h"
#include "apps/quality/factor_coverage.h"
#include "apps/quality/features.h"
#include "apps/quality/pyramid_distance.h"
#include "lib/data/dataset.h"
#include "lib/tensor.h"

namespace duel::quality {

struct EvaluationOptions {
  int64_t count = 2000;  ///< samples and real pictures; at most half of the data
  uint64_t seed = 0;     ///< which real pictures, patches, pairs and bootstrap samples
  int replicates = 100;  ///< bootstrap samples behind an interval
  bool hflip = false;    ///< the mirror image of a training picture is one, too: samples may be copies of it
};

/// One number. Reals against reals show how well it can be met with so many pictures, noise how bad it can
/// get.
struct Score {
  std::string name;
  Estimate samples, reals, noise;
};

struct Evaluation {
  int64_t count = 0;
  std::vector<Score> scores;
  std::vector<FactorCoverage> factors;  ///< of the synthetic set alone
};

/// Throws Error if there are fewer than 12 pictures, or fewer than 6 samples are asked for.
void check_enough(const Dataset& data, const EvaluationOptions& options);

/// Reads the real pictures once, and knows the numbers of reals and of noise.
class Evaluator {
 public:
  /// `data` must outlive it. Throws Error as check_enough() does, or if a picture cannot be read.
  Evaluator(const Dataset& data, const EvaluationOptions& options);

  /// Samples to be given, each time.
  int64_t count() const { return count_; }
  /// Of samples (count(), S, S, C) in [-1, 1] on the CPU. Throws Error if they hold what is no finite number.
  Evaluation evaluate(const Tensor& samples);

 private:
  using Named = std::vector<std::pair<std::string, Estimate>>;
  struct Set {
    Tensor pictures, points, mirrored, features;  // mirrored: points, defined with hflip alone
    ProjectedBands bands;
  };

  void read(const Dataset& data);
  Set look_at(const Tensor& pictures, uint64_t number);
  /// `rows`: where each picture stands among the training pictures, if it does.
  Named measure(const Set& set, const std::vector<int64_t>& rows = {}) const;

  EvaluationOptions options_;
  int64_t count_;
  RandomFeatures features_;
  Set reference_, reals_, noise_;
  Tensor training_;  // the points of all training pictures, those of reference_ and reals_ first
  Named scores_of_reals_, scores_of_noise_;
  std::vector<FaceFactors> factors_;  // of training_, where they are known
};

/// For people: one line a number, each with its interval.
std::string table(const Evaluation& evaluation);
gan::Json to_json(const Evaluation& evaluation);

}  // namespace duel::quality
