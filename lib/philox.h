// Philox 4x32-10, the counter-based random generator of Salmon et al., "Parallel Random Numbers: As Easy as
// 1, 2, 3" (SC'11), and the maps from its 32-bit words to the numbers that the framework draws.
//
// Every random number is a pure function of (seed, stream, index): the same on each backend and with any
// number of threads. A block of four words has the 128-bit counter {block low, block high, stream low, stream
// high} and the 64-bit seed as its key.
#pragma once

#include <cmath>
#include <cstdint>

#include "lib/host_device.h"

namespace duel {

/// What a draw is for. Streams of one seed never share a block.
enum class Stream : uint64_t {
  Weights = 1,
  Latent = 2,
  Dropout = 3,
  Shuffle = 4,
  Flip = 5,
  Label = 6,
  FixedLatent = 7,
  Check = 8,               // and whatever no run depends on: tests, benchmarks
  Synthetic = 1ull << 32,  // + the number of the picture
};

struct PhiloxBlock {
  uint32_t word[4];
};

DUEL_HOST_DEVICE inline PhiloxBlock philox4x32_10(uint64_t seed, uint64_t stream, uint64_t block) {
  uint32_t c0 = static_cast<uint32_t>(block), c1 = static_cast<uint32_t>(block >> 32);
  uint32_t c2 = static_cast<uint32_t>(stream), c3 = static_cast<uint32_t>(stream >> 32);
  uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = 0xD2511F53ull * c0;
    const uint64_t p1 = 0xCD9E8D57ull * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<uint32_t>(p1);
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<uint32_t>(p0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

/// Uniform on the open interval (0, 1): the middle of one of 2^23 equal steps, exact in float.
DUEL_HOST_DEVICE inline float to_uniform(uint32_t word) {
  return (static_cast<float>(word >> 9) + 0.5f) * (1.0f / 8388608.0f);
}

/// A point of the plane with two standard normal coordinates, by Box and Muller's transform.
struct NormalPoint {
  double radius, angle;
  DUEL_HOST_DEVICE NormalPoint(uint32_t first, uint32_t second)
      : radius(sqrt(-2.0 * std::log(static_cast<double>(to_uniform(first))))),
        angle(6.283185307179586476925 * static_cast<double>(to_uniform(second))) {}
  DUEL_HOST_DEVICE float x() const { return static_cast<float>(radius * cos(angle)); }
  DUEL_HOST_DEVICE float y() const { return static_cast<float>(radius * sin(angle)); }
};

/// Element `lane` (0..3) of the four standard normal numbers of a block.
DUEL_HOST_DEVICE inline float to_normal(const PhiloxBlock& block, int lane) {
  const NormalPoint point(block.word[lane & 2], block.word[(lane & 2) + 1]);
  return lane & 1 ? point.y() : point.x();
}

/// A walk along one stream, one word at a time, for host code that draws a varying number of values.
class PhiloxWalk {
 public:
  PhiloxWalk(uint64_t seed, uint64_t stream, uint64_t first_block = 0)
      : seed_(seed), stream_(stream), block_number_(first_block) {}

  uint32_t word() {
    if (lane_ == 4) {
      block_ = philox4x32_10(seed_, stream_, block_number_++);
      lane_ = 0;
    }
    return block_.word[lane_++];
  }
  float uniform() { return to_uniform(word()); }
  float uniform(float low, float high) { return low + (high - low) * uniform(); }
  /// Uniform on 0 .. n-1 (n > 0), without the bias of a plain remainder.
  uint32_t below(uint32_t n) {
    const uint32_t threshold = static_cast<uint32_t>(-n) % n;
    for (;;) {
      const uint64_t product = static_cast<uint64_t>(word()) * n;
      if (static_cast<uint32_t>(product) >= threshold) return static_cast<uint32_t>(product >> 32);
    }
  }

 private:
  uint64_t seed_, stream_, block_number_;
  PhiloxBlock block_{};
  int lane_ = 4;
};

}  // namespace duel
