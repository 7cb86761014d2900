// The random streams of the quality numbers: apart from those of a run, which they never touch.
#pragma once

#include <cstdint>

namespace duel::quality {

/// The numbers stay: with others the same seed would give other numbers.
enum class Purpose : uint64_t {
  Patches = 0,
  Directions = 1,
  Bootstrap = 2,
  Split = 4,
  Noise = 5,
  Latent = 6,
};

/// The number of a Philox stream. Those of lib/philox.h lie below 2^32 (a run's) and from there to 2^48 (the
/// faces of the synthetic set).
inline uint64_t stream(Purpose purpose, uint64_t number = 0) {
  return (uint64_t{1} << 56) + (static_cast<uint64_t>(purpose) << 48) + number;
}

}  // namespace duel::quality
