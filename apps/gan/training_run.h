// A whole training run: epochs of batches, and all that is written on the way.
#pragma once

#include <csignal>
#include <string>
#include <vector>

#include "apps/gan/observer.h"
#include "apps/gan/run_folder.h"
#include "apps/gan/trainer.h"
#include "lib/data/dataset.h"

namespace duel::gan {

struct RunOptions {
  int64_t keep = 3;         ///< epochs' checkpoints that are kept
  bool step_graphs = true;  ///< D's and G's step recorded and replayed where the device can
  /// Becomes non-zero when the run is to stop: after the batch under way it saves and returns.
  const volatile std::sig_atomic_t* stop = nullptr;
  std::vector<Observer*> observers = {};
};

enum class Outcome { Finished, Stopped };

/// Batches of the whole run: the configured steps, or the epochs' batches.
int64_t total_steps(const Config& config, int64_t batches_per_epoch);

/// Trains from `position` (where the trainer is, on as many pictures as `data` has) to the configured end,
/// writing into `folder`.
/// Throws Diverged if a loss is no longer finite (the last checkpoint stays), UnreadablePicture when all that
/// was done is saved if a picture can no longer be read, what an observer throws, and Error if the set has
/// fewer pictures than a batch or a file cannot be written.
Outcome train(Trainer& trainer, const Dataset& data, const RunFolder& folder, Position position,
              const RunOptions& options);

}  // namespace duel::gan
