// A step that is repeated with the same tensors, without its cost of calls.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "lib/kernels.h"
#include "lib/tensor.h"

namespace duel {

/// Runs a step again and again. Where the device can (CUDA does, the CPU does not) it records the step's work
/// once, after two plain runs that bring all memory and libraries into place, and from then on replays it in
/// one call: the time between kernels, which for small ones exceeds their own, is gone.
///
/// A step fit for that calls kernels alone: it neither uploads nor downloads and decides nothing by their
/// results. Each run reads and writes the same memory. What a step takes from outside (parameters, pictures,
/// random streams) must outlive this, and new pictures are copied into the old tensor; what it allocates
/// itself stays reserved. A replay is not seen by autograd: a graph that was recorded by ops before it must
/// not be run backward after it.
class StepGraph {
 public:
  using Step = std::function<std::vector<Tensor>()>;

  /// `counters` (int64, of the host, one element each) are what a run counts up, by the same every time,
  /// where a replay does not come by: it counts for them.
  StepGraph(Device device, Step step, std::vector<Tensor> counters = {})
      : device_(device), step_(std::move(step)), counters_(std::move(counters)) {}

  /// Runs the step once more and returns its results, which the next run overwrites.
  const std::vector<Tensor>& run();
  /// Whether runs are replays by now.
  bool recorded() const { return recording_ != nullptr; }

 private:
  static constexpr int plain_runs = 2;
  void record();

  Device device_;
  Step step_;
  std::vector<Tensor> counters_;
  std::vector<double> counts_;  // of one run, by counter
  int runs_ = 0;
  bool records_ = true;  // until the device has shown that it does not
  std::vector<Tensor> results_;
  std::unique_ptr<Kernels::Recording> recording_;
};

}  // namespace duel
