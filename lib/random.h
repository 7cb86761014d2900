// Random tensors from counter-based streams.
#pragma once

#include <variant>

#include "lib/host_device.h"
#include "lib/philox.h"
#include "lib/tensor.h"

namespace duel {

// ---- distributions: value(block, lane) is the number that one lane of a Philox block gives ----

struct Uniform {
  double low = 0, high = 1;
  DUEL_HOST_DEVICE float value(const PhiloxBlock& block, int lane) const {
    return static_cast<float>(low) + static_cast<float>(high - low) * to_uniform(block.word[lane]);
  }
};

struct Normal {
  double mean = 0, std = 1;
  DUEL_HOST_DEVICE float value(const PhiloxBlock& block, int lane) const {
    return scaled(to_normal(block, lane));
  }
  /// All four of a block, for half of the logarithms.
  void values(const PhiloxBlock& block, float* out) const {
    for (int pair = 0; pair < 4; pair += 2) {
      const NormalPoint point(block.word[pair], block.word[pair + 1]);
      out[pair] = scaled(point.x());
      out[pair + 1] = scaled(point.y());
    }
  }

 private:
  DUEL_HOST_DEVICE float scaled(float x) const {
    return static_cast<float>(mean) + static_cast<float>(std) * x;
  }
};

/// `high` with probability p, else 0: a dropout mask with p = 1 - rate and high = 1 / p.
struct Bernoulli {
  double p = 0.5, high = 1;
  DUEL_HOST_DEVICE float value(const PhiloxBlock& block, int lane) const {
    return to_uniform(block.word[lane]) < static_cast<float>(p) ? static_cast<float>(high) : 0.0f;
  }
};

using Distribution = std::variant<Uniform, Normal, Bernoulli>;

/// One stream of random numbers. Its whole state is the number of the next unused Philox block, kept on the
/// device so that a captured step advances it by itself.
class RandomStream {
 public:
  RandomStream(uint64_t seed, Stream stream, Device device = {});
  RandomStream(const RandomStream&) = delete;  // two would draw the same numbers, or move each other on
  RandomStream& operator=(const RandomStream&) = delete;
  RandomStream(RandomStream&&) = default;
  RandomStream& operator=(RandomStream&&) = default;

  /// Fills `x` (float32 or float64, the same float values in both; on a card also bfloat16, those rounded):
  /// element i is lane i % 4 of block i / 4, counted from the current one, and it uses up ceil(numel / 4)
  /// blocks. Throws unless `x` is on the stream's device.
  void fill(const Tensor& x, const Distribution& distribution);

  uint64_t seed() const { return seed_; }
  Stream stream() const { return stream_; }
  int64_t position() const;
  void set_position(int64_t block);

 private:
  uint64_t seed_;
  Stream stream_;
  Tensor position_;  // int64, shape (1)
};

}  // namespace duel
