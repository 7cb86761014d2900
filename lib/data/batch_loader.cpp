#include "lib/data/batch_loader.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <system_error>
#include <utility>

#include "lib/error.h"
#include "lib/philox.h"

namespace duel {
namespace {

void mirror(uint8_t* pixels, int64_t size, int64_t channels) {
  for (int64_t y = 0; y < size; ++y) {
    uint8_t* left = pixels + y * size * channels;
    uint8_t* right = left + (size - 1) * channels;
    for (; left < right; left += channels, right -= channels) std::swap_ranges(left, left + channels, right);
  }
}

}  // namespace

void check_batch(int64_t epoch, int64_t step, int64_t steps_per_epoch, int64_t batch_size) {
  constexpr int64_t epochs = int64_t{1} << 31;
  check(epoch >= 0 && epoch < epochs && step >= 0 && step < steps_per_epoch, "no batch ", step, " in epoch ",
        epoch, ": an epoch has ", steps_per_epoch, " batches of ", batch_size,
        " pictures, and there are 2^31 epochs");
}

void shuffled_order(uint64_t seed, int64_t epoch, std::span<uint32_t> order) {
  std::iota(order.begin(), order.end(), 0u);
  PhiloxWalk random(seed, static_cast<uint64_t>(Stream::Shuffle), first_block_of_epoch(epoch));
  for (size_t left = order.size(); left > 1; --left) {
    std::swap(order[left - 1], order[random.below(static_cast<uint32_t>(left))]);
  }
}

BatchLoader::BatchLoader(const Dataset& data, const BatchOptions& options) : data_(data), options_(options) {
  check(options.batch_size >= 1, "a batch size of ", options.batch_size, ": choose 1 or more");
  check(options.threads >= 1, options.threads, " loader threads: choose 1 or more");
  check(options.batch_size <= data.size(), "the batch size ", options.batch_size,
        " is larger than the set of ", data.size(), " pictures: choose a batch size of at most ", data.size(),
        " or give more pictures");
  check(data.size() <= std::numeric_limits<uint32_t>::max(), "a set of ", data.size(),
        " pictures is too large");
  steps_per_epoch_ = full_batches(data.size(), options.batch_size);

  if (options.shuffle) order_.resize(static_cast<size_t>(data.size()));
  slots_.resize(static_cast<size_t>(options.threads) + 2);
  for (Slot& slot : slots_) {
    slot.pixels.resize(static_cast<size_t>(options.batch_size * data.picture_bytes()));
    slot.pictures.resize(static_cast<size_t>(options.batch_size));
  }
  try {
    for (int i = 0; i < options.threads; ++i) threads_.emplace_back([this] { work(); });
  } catch (const std::system_error& error) {
    stop();  // the destructor, which would tell the threads that did start, does not run
    fail("cannot start ", options.threads, " loader threads: ", error.what());
  }
}

BatchLoader::~BatchLoader() { stop(); }

void BatchLoader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  slot_free_.notify_all();
}

Batch BatchLoader::next() {
  std::unique_lock lock(mutex_);
  oldest_ = next_;
  slot_free_.notify_all();
  Slot& slot = slot_of(next_);
  slot_done_.wait(lock, [&] { return slot.batch == next_ && slot.ready; });
  if (slot.error) std::rethrow_exception(slot.error);
  const int64_t batch = next_++;
  return {batch / steps_per_epoch_, batch % steps_per_epoch_, slot.pixels, slot.pictures};
}

void BatchLoader::seek(int64_t epoch, int64_t step) {
  check_batch(epoch, step, steps_per_epoch_, options_.batch_size);
  std::unique_lock lock(mutex_);
  paused_ = true;
  slot_done_.wait(lock, [&] { return busy_ == 0; });
  paused_ = false;
  for (Slot& slot : slots_) slot.batch = -1;
  next_ = oldest_ = claimed_ = epoch * steps_per_epoch_ + step;
  slot_free_.notify_all();
}

void BatchLoader::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    slot_free_.wait(lock, [&] {
      return stopping_ || (!paused_ && claimed_ < oldest_ + static_cast<int64_t>(slots_.size()));
    });
    if (stopping_) return;
    Slot& slot = slot_of(claimed_);
    slot.batch = claimed_++;
    slot.ready = false;
    slot.error = nullptr;
    choose_pictures(slot);
    ++busy_;
    lock.unlock();
    try {
      fill(slot);
    } catch (...) {
      slot.error = std::current_exception();
    }
    lock.lock();
    slot.ready = true;
    --busy_;
    slot_done_.notify_all();
  }
}

/// Under the lock: batches are claimed one after the other, so that a single order serves all threads.
void BatchLoader::choose_pictures(Slot& slot) {
  const int64_t epoch = slot.batch / steps_per_epoch_;
  const int64_t first = slot.batch % steps_per_epoch_ * options_.batch_size;
  if (!options_.shuffle) {
    std::iota(slot.pictures.begin(), slot.pictures.end(), static_cast<uint32_t>(first));
    return;
  }
  if (epoch != order_epoch_) {
    shuffled_order(options_.seed, epoch, order_);
    order_epoch_ = epoch;
  }
  std::copy_n(order_.begin() + first, options_.batch_size, slot.pictures.begin());
}

void BatchLoader::fill(Slot& slot) const {
  const int64_t epoch = slot.batch / steps_per_epoch_;
  const int64_t first = slot.batch % steps_per_epoch_ * options_.batch_size;
  uint8_t* pixels = slot.pixels.data();
  for (int64_t i = 0; i < options_.batch_size; ++i, pixels += data_.picture_bytes()) {
    data_.read(slot.pictures[static_cast<size_t>(i)], pixels);
    if (options_.hflip && is_flipped(options_.seed, epoch, first + i)) {
      mirror(pixels, data_.image_size(), data_.channels());
    }
  }
}

}  // namespace duel
