// One iteration of training as the program does it, on pictures made of random bytes.
#pragma once

#include <vector>

#include "apps/gan/trainer.h"

namespace duel::bench {

class TrainingIteration {
 public:
  explicit TrainingIteration(const gan::Config& config, Device device = {});

  /// Takes a batch, turns it into numbers, draws z twice, updates D and G and reads both losses. Throws Error
  /// if one of them is not finite.
  void run();

  /// The additions and multiplications of run().
  double flops() const { return flops_; }
  gan::Trainer& trainer() { return trainer_; }

 private:
  gan::Trainer trainer_;
  double flops_;
  std::vector<std::vector<uint8_t>> batches_;
  size_t next_ = 0;
};

/// Bytes that the kernels keep: tensors, kept blocks and scratch memory.
int64_t kept_bytes(Device device = {});

}  // namespace duel::bench
