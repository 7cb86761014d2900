#include "apps/gan/batches.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "lib/allocator.h"
#include "lib/data/batch_loader.h"
#include "lib/kernels.h"
#include "lib/profile.h"

namespace duel::gan {
namespace {

int loader_threads() { return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 16u)); }

class HostBatches final : public Batches {
 public:
  HostBatches(const Dataset& data, const Config& config, Device device)
      : loader_(data, {.batch_size = config.batch_size,
                       .shuffle = config.shuffle,
                       .hflip = config.hflip,
                       .seed = config.seed,
                       .threads = loader_threads()}),
        device_(device) {}

  int64_t steps_per_epoch() const override { return loader_.steps_per_epoch(); }
  void seek(int64_t epoch, int64_t step) override { loader_.seek(epoch, step); }
  void next(const Tensor& pictures) override {
    const ScopedPhase phase("data");
    const Tensor pixels = Tensor::from(next_batch().pixels, pictures.shape(), device_);
    kernels(device_).pixels_to_float(pixels, pictures);
    pictures.mark_changed();
  }

 private:
  Batch next_batch() {
    try {
      return loader_.next();
    } catch (const Error& error) {
      throw UnreadablePicture(error.what());
    }
  }

  BatchLoader loader_;
  Device device_;
};

/// All pictures of a set as bytes on a device, (count, S, S, channels).
Tensor upload(const Dataset& data, Device device) {
  const int64_t size = data.image_size(), part = std::min<int64_t>(data.size(), 256);
  const Tensor set = Tensor::empty({data.size(), size, size, data.channels()}, DType::UInt8, device);
  BatchLoader in_order(data, {.batch_size = part, .shuffle = false, .threads = loader_threads()});
  int64_t first = 0;
  for (; first + part <= data.size(); first += part)
    set.rows(first, part).upload(in_order.next().pixels.data());
  std::vector<uint8_t> picture(static_cast<size_t>(data.picture_bytes()));
  for (; first < data.size(); ++first) {
    data.read(first, picture.data());
    set.rows(first, 1).upload(picture.data());
  }
  return set;
}

class DeviceBatches final : public Batches {
 public:
  DeviceBatches(const Dataset& data, const Config& config, Device device)
      : config_(config),
        steps_(full_batches(data.size(), config.batch_size)),
        set_(upload(data, device)),
        order_(Tensor::empty({data.size()}, DType::Int64, device)) {}

  int64_t steps_per_epoch() const override { return steps_; }
  void seek(int64_t epoch, int64_t step) override {
    check_batch(epoch, step, steps_, config_.batch_size);
    epoch_ = epoch;
    step_ = step;
  }
  void next(const Tensor& pictures) override {
    const ScopedPhase phase("data");
    if (order_epoch_ != epoch_) upload_order();
    const int64_t first = step_ * config_.batch_size;
    const PictureFlips flips{config_.hflip, config_.seed, epoch_, first};
    kernels(set_.device()).pick_pictures(set_, order_.rows(first, config_.batch_size), flips, pictures);
    pictures.mark_changed();
    if (++step_ < steps_) return;
    ++epoch_;
    step_ = 0;
  }

 private:
  void upload_order() {
    std::vector<uint32_t> order(static_cast<size_t>(set_.dim(0)));
    if (config_.shuffle) {
      shuffled_order(config_.seed, epoch_, order);
    } else {
      std::iota(order.begin(), order.end(), 0u);
    }
    const std::vector<int64_t> wide(order.begin(), order.end());
    order_.upload(wide.data());
    order_epoch_ = epoch_;
  }

  const Config config_;
  const int64_t steps_;
  const Tensor set_, order_;
  int64_t epoch_ = 0, step_ = 0, order_epoch_ = -1;
};

/// Whether the set takes no more than half of what the device has free; a device that does not say (the CPU)
/// has its loader's threads instead.
bool fits(const Dataset& data, Device device) {
  const auto room = kernels(device).allocator().room();
  return room && data.size() * data.picture_bytes() <= room->free / 2;
}

}  // namespace

std::unique_ptr<Batches> make_batches(const Dataset& data, const Config& config, Device device) {
  check(config.batch_size <= data.size(), "the batch size ", config.batch_size, " is larger than the set of ",
        counted(data.size(), "picture"), ": choose a batch size of at most ", data.size(),
        " or give more pictures");
  if (fits(data, device)) return std::make_unique<DeviceBatches>(data, config, device);
  return std::make_unique<HostBatches>(data, config, device);
}

}  // namespace duel::gan
