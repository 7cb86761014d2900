// Iterations of training: D's step, then G's, each with fresh latents, one after the other without waiting.
#pragma once

#include <memory>

#include "apps/gan/trainer.h"
#include "lib/step_graph.h"

namespace duel::gan {

/// What one iteration saw; see DStep.
struct Losses {
  double d_loss = 0, d_real = 0, d_fake = 0, g_loss = 0;
};

class Iteration {
 public:
  /// With `step_graphs`, the two steps are recorded and replayed where the device can (see StepGraph); the
  /// numbers are the same without. The trainer's loss stays what it is now.
  Iteration(Trainer& trainer, bool step_graphs);

  /// (batch_size, S, S, channels) in [-1, 1]: the pictures of the next run, for the caller to write.
  const Tensor& pictures() const { return pictures_; }

  /// The losses of a run, under way to the host.
  class Pending {
   public:
    explicit Pending(std::unique_ptr<Kernels::Download> download) : download_(std::move(download)) {}
    bool arrived() const { return download_->arrived(); }
    /// Waits until they have arrived.
    Losses wait() const;

   private:
    std::unique_ptr<Kernels::Download> download_;
  };
  /// Begins one iteration.
  Pending run();

 private:
  std::vector<Tensor> step();
  void keep(int64_t number, const Tensor& loss) const;

  Trainer& trainer_;
  const bool step_graphs_;
  const Tensor pictures_, numbers_;
  StepGraph graph_;
};

}  // namespace duel::gan
