#include "lib/data/batch_loader.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "lib/error.h"
#include "lib/philox.h"

namespace duel {
namespace {

/// The first block of an epoch's part of a stream.
uint64_t epoch_block(int64_t epoch) { return static_cast<uint64_t>(epoch) << 32; }

bool mirrored(uint64_t seed, int64_t epoch, int64_t position) {
  const auto at = static_cast<uint64_t>(position);
  const PhiloxBlock block =
      philox4x32_10(seed, static_cast<uint64_t>(Stream::Flip), epoch_block(epoch) + at / 4);
  return block.word[at % 4] >> 31;
}

void mirror(uint8_t* pixels, int64_t size, int64_t channels) {
  for (int64_t y = 0; y < size; ++y) {
    uint8_t* const row = pixels + y * size * channels;
    for (int64_t left = 0, right = size - 1; left < right; ++left, --right)
      std::swap_ranges(row + left * channels, row + (left + 1) * channels, row + right * channels);
  }
}

}  // namespace

BatchLoader::BatchLoader(const Dataset& data, const BatchLoaderOptions& options)
    : data_(data), options_(options) {
  check(options.batch_size >= 1, "the batch size must be at least 1, got ", options.batch_size);
  check(options.workers >= 1, "a loader needs at least 1 worker, got ", options.workers);
  check(options.batch_size <= data.size(), "the batch size ", options.batch_size, " is more than the ",
        data.size(), " pictures of the data; choose a smaller --batch-size");
  // One slot for each worker, one that waits, and the one that next()'s caller reads.
  slots_.resize(static_cast<size_t>(options.workers) + 2);
  for (Slot& slot : slots_)
    slot.pixels.resize(
        static_cast<size_t>(options.batch_size * data.image_size() * data.image_size() * data.channels()));
  start();
}

BatchLoader::~BatchLoader() { stop(); }

void BatchLoader::start() {
  for (int i = 0; i < options_.workers; ++i) threads_.emplace_back([this] { work(); });
}

void BatchLoader::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  stopping_ = false;
}

void BatchLoader::seek(int64_t epoch, int64_t batch) {
  stop();
  claimed_ = consumed_ = epoch * batches_per_epoch() + batch;
  for (Slot& slot : slots_) slot.ready = false;
  start();
}

// A worker may run ahead until all slots but the caller's are claimed: batch consumed_ - 1 is what the caller
// reads.
void BatchLoader::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(
        lock, [&] { return stopping_ || claimed_ < consumed_ - 1 + static_cast<int64_t>(slots_.size()); });
    if (stopping_) return;
    const int64_t batch = claimed_++;
    lock.unlock();
    fill(slot(batch), batch);
    lock.lock();
    slot(batch).ready = true;
    changed_.notify_all();
  }
}

void BatchLoader::fill(Slot& slot, int64_t batch) {
  slot.error = nullptr;
  try {
    const int64_t epoch = batch / batches_per_epoch();
    const int64_t first = batch % batches_per_epoch() * options_.batch_size;
    const auto indices = order(epoch);
    const int64_t picture = static_cast<int64_t>(slot.pixels.size()) / options_.batch_size;
    for (int64_t i = 0; i < options_.batch_size; ++i) {
      uint8_t* const pixels = slot.pixels.data() + i * picture;
      data_.read((*indices)[static_cast<size_t>(first + i)], pixels);
      if (options_.hflip && mirrored(options_.seed, epoch, first + i))
        mirror(pixels, data_.image_size(), data_.channels());
    }
  } catch (...) {
    slot.error = std::current_exception();
  }
}

std::shared_ptr<const std::vector<int64_t>> BatchLoader::order(int64_t epoch) {
  std::lock_guard lock(mutex_);
  if (order_epoch_ == epoch) return order_;
  auto indices = std::make_shared<std::vector<int64_t>>(static_cast<size_t>(data_.size()));
  std::iota(indices->begin(), indices->end(), 0);
  if (options_.shuffle) {
    PhiloxWalk walk(options_.seed, static_cast<uint64_t>(Stream::Shuffle), epoch_block(epoch));
    for (size_t last = indices->size() - 1; last > 0; --last)
      std::swap((*indices)[last], (*indices)[walk.below(static_cast<uint32_t>(last + 1))]);
  }
  order_ = std::move(indices);
  order_epoch_ = epoch;
  return order_;
}

std::span<const uint8_t> BatchLoader::next() {
  std::unique_lock lock(mutex_);
  Slot& wanted = slot(consumed_);
  changed_.wait(lock, [&] { return wanted.ready; });
  wanted.ready = false;
  ++consumed_;
  changed_.notify_all();
  if (wanted.error) std::rethrow_exception(wanted.error);
  return wanted.pixels;
}

}  // namespace duel
