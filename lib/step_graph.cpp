#include "lib/step_graph.h"

#include <algorithm>

namespace duel {

void StepGraph::record() {
  std::vector<double> before;
  for (const Tensor& counter : counters_) before.push_back(counter.item());
  recording_ = kernels(device_).record([this] { results_ = step_(); });
  records_ = recording_ != nullptr;
  if (!records_) return;
  counts_.clear();
  for (size_t i = 0; i < counters_.size(); ++i) {
    counts_.push_back(counters_[i].item() - before[i]);
    counters_[i].fill(before[i]);  // nothing has run yet
  }
}

const std::vector<Tensor>& StepGraph::run() {
  if (records_ && !recording_ && runs_ == plain_runs) record();
  if (recording_) {
    recording_->replay();
    for (size_t i = 0; i < counters_.size(); ++i) counters_[i].fill(counters_[i].item() + counts_[i]);
  } else {
    results_ = step_();
    runs_ = std::min(runs_ + 1, plain_runs);
  }
  return results_;
}

}  // namespace duel
