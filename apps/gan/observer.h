// Who looks on while a run trains: reports, diagnosis, quality numbers.
#pragma once

#include "apps/gan/run_folder.h"

namespace duel::gan {

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
  /// After each epoch, when its grid and its checkpoints are written; position.epoch counts it.
  virtual void epoch_done(Trainer& /*trainer*/, const RunFolder& /*folder*/, const Position& /*position*/) {}
};

}  // namespace duel::gan
