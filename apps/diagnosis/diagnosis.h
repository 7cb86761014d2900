// The diagnosis: says in plain words what goes wrong while a run trains.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "apps/diagnosis/judge.h"
#include "apps/gan/observer.h"

namespace duel::diagnosis {

enum class OnFailure { Warn, Stop, Rollback };

/// After each epoch, or where epochs are shorter about every 20 steps, writes the figures into vitals.csv,
/// and each finding into diagnosis.csv (epoch, step, cause, text) and to `say`: at most one line a cause and
/// epoch. With OnFailure::Stop any finding, with Rollback one that a lower rate may mend, ends the run by
/// gan::Failure once the epoch is saved; with Rollback each healthy epoch's checkpoint is kept beside the
/// others. A resumed run takes up its history from the files.
class Diagnosis final : public gan::Observer {
 public:
  using Say = std::function<void(const std::string& line)>;
  /// `data` must outlive it. Without `say` lines go to the standard output.
  Diagnosis(const Dataset& data, OnFailure on_failure, Say say = {});

  void begin(gan::Trainer& trainer, const gan::RunFolder& folder, const gan::Position& position) override;
  void logged(gan::Trainer& trainer, const gan::Metrics& metrics) override;
  void epoch_done(gan::Trainer& trainer, const gan::RunFolder& folder,
                  const gan::Position& position) override;
  void epoch_saved(const gan::RunFolder& folder, const gan::Position& position) override;
  void diverged(const gan::RunFolder& folder, const gan::Diverged& error) override;

  const std::vector<Vitals>& history() const { return history_; }

 private:
  bool ends_the_run(const Finding& finding) const;
  void note(const gan::RunFolder& folder, int64_t epoch, int64_t step, const Finding& finding) const;

  const Dataset& data_;
  OnFailure on_failure_;
  Say say_;
  std::unique_ptr<Examination> examination_;  // made for the first look
  std::vector<gan::Metrics> lines_;           // of metrics.csv
  std::vector<Vitals> history_;               // of vitals.csv
  std::vector<Finding> findings_;             // of the last epoch
  int64_t looked_at_step_ = 0;                // when a look was last due
};

/// The checkpoint that a rollback goes back to.
std::filesystem::path healthy_checkpoint(const gan::RunFolder& folder);

/// Puts the trainer where healthy_checkpoint() is, with half the rates that config.json says, there too, and
/// makes that the run's latest checkpoint, so that a run resumed later goes on from there too; notes `why` in
/// diagnosis.csv. Each further call halves them again, wherever the healthy checkpoint is. Throws Error if
/// there is no such checkpoint.
gan::Position roll_back(gan::Trainer& trainer, const gan::RunFolder& folder, const std::string& why);

}  // namespace duel::diagnosis
