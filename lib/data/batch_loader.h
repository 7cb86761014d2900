// Batches of a set of pictures, epoch by epoch, prepared in the background.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "lib/data/dataset.h"
#include "lib/picture_flips.h"

namespace duel {

struct BatchOptions {
  int64_t batch_size = 256;
  bool shuffle = true;  ///< a new order every epoch; otherwise the order of the set
  bool hflip = false;   ///< mirrors half of the pictures, drawn anew every epoch
  uint64_t seed = 0;    ///< of the order and of the mirroring
  int threads = 1;      ///< that prepare batches, each one of its own
};

struct Batch {
  int64_t epoch = 0, step = 0;         ///< both from 0; step counts the batches of the epoch
  std::span<const uint8_t> pixels;     ///< (batch_size, image_size, image_size, channels)
  std::span<const uint32_t> pictures;  ///< their numbers in the set, (batch_size)
};

/// Every epoch takes each picture once; what is left over when the batches are full is dropped. A batch is a
/// pure function of the seed, its epoch and its step: threads and seek() do not change it. For use by one
/// thread at a time.
///
/// The buffers are allocated once: one for the batch that the caller has, one that lies ready and one for
/// each thread.
class BatchLoader {
 public:
  /// `data` must outlive the loader. Throws Error if the batch is larger than the set, or an option is out of
  /// range, or a thread cannot be started.
  BatchLoader(const Dataset& data, const BatchOptions& options);
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  int64_t steps_per_epoch() const { return steps_per_epoch_; }

  /// The next batch, of epoch 0 and step 0 at first. It stays valid until the next call of next() or seek().
  /// An exception that reading a picture threw is thrown here, again at every call until a seek().
  Batch next();

  /// Makes next() go on with this batch. Throws Error unless epoch >= 0 and 0 <= step < steps_per_epoch().
  void seek(int64_t epoch, int64_t step);

 private:
  struct Slot {
    int64_t batch = -1;  // counted from the beginning of epoch 0
    bool ready = false;
    std::exception_ptr error;
    std::vector<uint8_t> pixels;
    std::vector<uint32_t> pictures;
  };

  Slot& slot_of(int64_t batch) { return slots_[static_cast<size_t>(batch) % slots_.size()]; }
  void stop();
  void work();
  void choose_pictures(Slot& slot);
  void fill(Slot& slot) const;

  const Dataset& data_;
  const BatchOptions options_;
  int64_t steps_per_epoch_ = 0;

  std::mutex mutex_;
  std::condition_variable slot_free_, slot_done_;
  std::vector<Slot> slots_;  // batch b stands in slot b modulo their number
  int64_t next_ = 0;         // the batch that next() returns next
  // The oldest batch whose slot is in use: next_, or the one before, which the caller has.
  int64_t oldest_ = 0;
  int64_t claimed_ = 0;  // the next batch that a thread takes on
  int busy_ = 0;         // threads that fill a slot
  bool paused_ = false, stopping_ = false;
  std::vector<uint32_t> order_;  // of epoch order_epoch_; empty if batches come in the order of the set
  int64_t order_epoch_ = -1;
  std::vector<std::jthread> threads_;  // last, so that they are joined before the rest goes
};

/// The batches of an epoch: what is left over of `pictures` fills none and is dropped.
constexpr int64_t full_batches(int64_t pictures, int64_t batch_size) { return pictures / batch_size; }

/// Throws Error unless there is such a batch: an epoch has `steps_per_epoch` of `batch_size` pictures, and
/// there are 2^31 epochs.
void check_batch(int64_t epoch, int64_t step, int64_t steps_per_epoch, int64_t batch_size);

/// The order of the pictures in an epoch: a permutation of 0 .. order.size()-1, a pure function of its size,
/// the seed and the epoch (Fisher and Yates's shuffle, Philox stream Shuffle).
void shuffled_order(uint64_t seed, int64_t epoch, std::span<uint32_t> order);

}  // namespace duel
