// Who looks on while a run trains: reports, diagnosis, quality numbers.
#pragma once

#include "apps/gan/run_folder.h"
#include "lib/error.h"

namespace duel::gan {

/// Training has failed in a way that going back to an earlier checkpoint with lower rates may mend.
class Failure : public Error {
 public:
  using Error::Error;
};

/// A loss or a weight is no longer a finite number.
class Diverged : public Failure {
 public:
  Diverged(const std::string& text, int64_t in_epoch, int64_t at_step)
      : Failure(text), epoch(in_epoch), step(at_step) {}
  int64_t epoch, step;  ///< both from 1, as in metrics.csv
};

/// How train() ends: at the configured end, because it was told to stop, because a loss or a weight is no
/// longer finite, or by another failure: one that an observer found, or a picture that can no longer be read.
enum class Ending { Finished, Stopped, Diverged, Failed };

/// Called by train(), between steps, in the order in which the observers were given. What an observer
/// computes must not change the run: it draws from random streams of its own and leaves both networks as they
/// were. An Error it throws ends the run.
class Observer {
 public:
  virtual ~Observer() = default;

  /// Before the first step, and again where a run is resumed: `position` is where it begins.
  virtual void begin(Trainer& /*trainer*/, const RunFolder& /*folder*/, const Position& /*position*/) {}
  /// After each line of metrics.csv.
  virtual void logged(Trainer& /*trainer*/, const Metrics& /*metrics*/) {}
  /// Before train() throws the error.
  virtual void diverged(const RunFolder& /*folder*/, const Diverged& /*error*/) {}
  /// After each epoch, when its grid and its own checkpoint are written, but before the latest one is: a run
  /// that is killed in between repeats the epoch and calls this again. position.epoch counts it.
  virtual void epoch_done(Trainer& /*trainer*/, const RunFolder& /*folder*/, const Position& /*position*/) {}
  /// After that, when the latest checkpoint is this epoch's.
  virtual void epoch_saved(const RunFolder& /*folder*/, const Position& /*position*/) {}
  /// Last of all, when everything else is written and diverged() has been called for all observers: before
  /// train() returns, or throws the failure. Any other error ends a run without this.
  virtual void ended(const RunFolder& /*folder*/, Ending /*how*/) {}
};

}  // namespace duel::gan
