// What the products will read next is fetched into L2 while the present tiles are computed.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "ops/cpu/microkernel.h"

namespace duel::cpu {

/// Memory that will be read soon: `count` runs of `bytes` bytes, each `stride` bytes after the one before.
struct Region {
  const void* begin = nullptr;
  int64_t bytes = 0, stride = 0, count = 0;
};

/// Memory to prefetch, handed out tile by tile.
class Wanted {
 public:
  void add(const Region& region) {
    if (region.count > 0 && region.bytes > 0) regions_[count_++] = region;
  }

  /// Sets what `tile` prefetches: at most a cache line per step. With nothing left that is its own first
  /// line.
  void hand_out(Tile& tile) {
    tile.wanted = tile.a;
    tile.wanted_step = 0;
    if (count_ == 0 || tile.depth == 0) return;
    Region& region = regions_[count_ - 1];
    const int64_t bytes = std::min(region.bytes - done_, tile.depth * line);
    tile.wanted = static_cast<const char*>(region.begin) + done_;
    tile.wanted_step = (bytes + tile.depth - 1) / tile.depth;
    done_ += bytes;
    if (done_ < region.bytes) return;
    done_ = 0;
    region.begin = static_cast<const char*>(region.begin) + region.stride;
    if (--region.count == 0) --count_;
  }

 private:
  static constexpr int64_t line = 64;
  std::array<Region, 3> regions_;
  size_t count_ = 0;
  int64_t done_ = 0;  // bytes of the run at hand
};

}  // namespace duel::cpu
