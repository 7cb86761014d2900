// Quality numbers of a run while it trains: `train --evaluate-every`.
#pragma once

#include <memory>

#include "apps/gan/observer.h"
#include "apps/quality/evaluation.h"

namespace duel::quality {

/// After every `every`-th epoch adds a row to quality.csv in the run's folder and prints a line. The columns
/// are epoch, step and, for each number, its value, as NAME, with the bounds of its 95 % interval, as
/// NAME_low and NAME_high, and the same number of real pictures and of noise, as NAME_reals and NAME_noise.
class QualityLog final : public gan::Observer {
 public:
  /// `data` must outlive it.
  QualityLog(const Dataset& data, int64_t every, const EvaluationOptions& options);

  void begin(gan::Trainer& trainer, const gan::RunFolder& folder, const gan::Position& position) override;
  void epoch_done(gan::Trainer& trainer, const gan::RunFolder& folder,
                  const gan::Position& position) override;

 private:
  const Dataset& data_;
  int64_t every_;
  EvaluationOptions options_;
  std::unique_ptr<Evaluator> evaluator_;  // made by begin(), which thereby fails early
};

}  // namespace duel::quality
