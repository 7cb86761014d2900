// Which pictures of a batch are mirrored left to right: the same for the host, which prepares batches, and
// for a device that picks them itself.
#pragma once

#include <cstdint>

#include "lib/host_device.h"
#include "lib/philox.h"

namespace duel {

/// The first block of an epoch in the streams Shuffle and Flip: each epoch has 2^32 blocks to itself, more
/// than a set of fewer than 2^32 pictures takes.
DUEL_HOST_DEVICE constexpr uint64_t first_block_of_epoch(int64_t epoch) {
  return static_cast<uint64_t>(epoch) << 32;
}

/// Whether the picture at a position of an epoch is mirrored: a fair coin, and a pure function of the three
/// (Philox stream Flip).
DUEL_HOST_DEVICE inline bool is_flipped(uint64_t seed, int64_t epoch, int64_t position) {
  const uint64_t block = first_block_of_epoch(epoch) + static_cast<uint64_t>(position);
  return philox4x32_10(seed, static_cast<uint64_t>(Stream::Flip), block).word[0] & 1;
}

/// Those of one batch, which begins at position `first` of its epoch; none unless `any`.
struct PictureFlips {
  bool any = false;
  uint64_t seed = 0;
  int64_t epoch = 0, first = 0;

  DUEL_HOST_DEVICE bool operator()(int64_t picture) const {
    return any && is_flipped(seed, epoch, first + picture);
  }
};

}  // namespace duel
