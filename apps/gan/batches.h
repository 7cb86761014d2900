// Where the batches of a run come from: prepared by the host and sent, or picked by the device out of the
// whole set, which lies there as bytes. Both give the same numbers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "apps/gan/config.h"
#include "lib/data/dataset.h"
#include "lib/device.h"
#include "lib/error.h"
#include "lib/tensor.h"

namespace duel::gan {

/// A picture of the set that is wanted now could be read before and cannot be any more.
class UnreadablePicture : public Error {
 public:
  using Error::Error;
};

class Batches {
 public:
  virtual ~Batches() = default;

  virtual int64_t steps_per_epoch() const = 0;
  /// Makes next() go on with this batch. Throws Error unless epoch >= 0 and 0 <= step < steps_per_epoch().
  virtual void seek(int64_t epoch, int64_t step) = 0;
  /// Overwrites `pictures` (N, S, S, channels) with the next batch, as numbers in [-1, 1]. Throws
  /// UnreadablePicture with the reason that reading a picture gave; the batch is then still the next one.
  virtual void next(const Tensor& pictures) = 0;
};

/// Batches of `data`, which must outlive them, by the configuration's seed, size, order and mirroring. On a
/// card the set lies there, unless it would take more than half of the memory that is free. Throws Error as
/// BatchLoader does.
std::unique_ptr<Batches> make_batches(const Dataset& data, const Config& config, Device device);

}  // namespace duel::gan
