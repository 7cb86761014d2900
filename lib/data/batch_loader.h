// Batches of a data set in shuffled order, prepared by background threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "lib/data/dataset.h"

namespace duel {

struct BatchLoaderOptions {
  int64_t batch_size = 1;
  uint64_t seed = 0;
  bool shuffle = true;  ///< false: in the order of the set
  bool hflip = false;   ///< mirror each picture with probability 1/2
  int workers = 1;      ///< threads, each of which prepares whole batches
};

/// Every epoch takes each picture once, in an order that is a function of (seed, epoch) alone, as are the
/// mirrorings: any place in the run can be sought, and the number of workers changes nothing. Pictures that
/// do not fill a last batch are left out of the epoch.
class BatchLoader {
 public:
  /// `data` must outlive the loader. Throws Error if the set has fewer pictures than a batch. Starts at epoch
  /// 0, batch 0.
  BatchLoader(const Dataset& data, const BatchLoaderOptions& options);
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  int64_t batches_per_epoch() const { return data_.size() / options_.batch_size; }
  /// The next batch will be number `batch` of epoch `epoch`, both from 0.
  void seek(int64_t epoch, int64_t batch);
  /// The next batch, (batch_size, image_size, image_size, channels) bytes, valid until the next call; after
  /// an epoch's last batch comes the next epoch's first. Throws what Dataset::read threw.
  std::span<const uint8_t> next();

 private:
  struct Slot {
    std::vector<uint8_t> pixels;
    std::exception_ptr error;
    bool ready = false;
  };

  void start();
  void stop();
  void work();
  void fill(Slot& slot, int64_t batch);
  std::shared_ptr<const std::vector<int64_t>> order(int64_t epoch);
  Slot& slot(int64_t batch) { return slots_[static_cast<size_t>(batch) % slots_.size()]; }

  const Dataset& data_;
  const BatchLoaderOptions options_;
  std::vector<Slot> slots_;
  std::vector<std::thread> threads_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by the mutex; batches are counted through all epochs.
  int64_t claimed_ = 0;   // the next batch that a worker takes on
  int64_t consumed_ = 0;  // the next batch that next() gives
  bool stopping_ = false;
  int64_t order_epoch_ = -1;
  std::shared_ptr<const std::vector<int64_t>> order_;
};

}  // namespace duel
