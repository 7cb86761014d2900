// One iteration of training as the program does it, on pictures made of random bytes.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "apps/gan/batches.h"
#include "apps/gan/iteration.h"
#include "apps/gan/trainer.h"
#include "lib/data/dataset.h"

namespace duel::bench {

/// Pictures of random bytes, ready in memory.
class RandomPictures final : public Dataset {
 public:
  RandomPictures(int64_t count, int64_t image_size, int64_t channels);
  int64_t size() const override { return count_; }
  int64_t image_size() const override { return image_size_; }
  int64_t channels() const override { return channels_; }
  void read(int64_t index, uint8_t* pixels) const override;
  std::string description() const override { return "random bytes"; }

 private:
  int64_t count_, image_size_, channels_;
  std::vector<uint8_t> bytes_;
};

class TrainingIteration {
 public:
  explicit TrainingIteration(const gan::Config& config, Device device = {}, bool step_graphs = true);

  /// Begins an iteration: takes the next batch, turns it into numbers, draws z twice, updates D and G; and
  /// reads the losses of those that are done. Throws Error if one of them is not finite.
  void run();
  /// Reads the losses of all that were begun.
  void finish();

  struct Stretch {
    int64_t iterations;
    double seconds;  ///< from the first one's beginning until the device was done with the last one
  };
  /// As many iterations as fill the seconds, at least one.
  Stretch run_for(double seconds);

  /// The additions and multiplications of run().
  double flops() const { return flops_; }
  gan::Trainer& trainer() { return trainer_; }

 private:
  void read_oldest();

  gan::Trainer trainer_;
  double flops_;
  RandomPictures pictures_;
  std::unique_ptr<gan::Batches> batches_;
  gan::Iteration iteration_;
  std::deque<gan::Iteration::Pending> unread_;
};

/// Bytes that the kernels keep: tensors, kept blocks and scratch memory.
int64_t kept_bytes(Device device = {});

}  // namespace duel::bench
