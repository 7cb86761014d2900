// The scalars, pictures and histograms of a run for TensorBoard: `train --tensorboard`.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "apps/gan/observer.h"
#include "apps/tensorboard/event_file.h"

namespace duel::tensorboard {

/// Writes event files into tensorboard/ in the run's folder. With each line of metrics.csv: the losses, the
/// probabilities, the speed, and the norms of weights and gradients by layer. After each epoch: its grid of
/// samples, histograms of all parameters and gradients, and the rows that other observers have added to
/// vitals.csv and quality.csv, so that it is to be called after them; a table that cannot be read costs a
/// line on stderr, never the run. Each beginning of the run makes a file of its own.
class TensorBoardObserver final : public gan::Observer {
 public:
  void begin(gan::Trainer& trainer, const gan::RunFolder& folder, const gan::Position& position) override;
  void logged(gan::Trainer& trainer, const gan::Metrics& metrics) override;
  void epoch_done(gan::Trainer& trainer, const gan::RunFolder& folder,
                  const gan::Position& position) override;

 private:
  void scalars(int64_t epoch, int64_t step, const std::string& group, const std::filesystem::path& folder);
  void picture(int64_t step, const char* tag, const std::filesystem::path& path);

  std::optional<EventFile> file_;
  std::set<std::string> complaints_;  // none is repeated each epoch
};

}  // namespace duel::tensorboard
