#include "lib/step_graph.h"

namespace duel {

const std::vector<Tensor>& StepGraph::run() {
  if (!recording_ && runs_ == plain_runs)
    recording_ = kernels(device_).record([this] { results_ = step_(); });
  if (recording_) {
    recording_->replay();
  } else {
    results_ = step_();
    runs_ = std::min(runs_ + 1, plain_runs);
  }
  return results_;
}

}  // namespace duel
