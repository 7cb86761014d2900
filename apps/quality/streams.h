// The random streams of the quality numbers: apart from those of a run, which they never touch.
#pragma once

#include <cstdint>

namespace duel::quality {

enum class Purpose : uint64_t { Patches, Directions, Bootstrap, Pairs, Split, Noise, Latent, Diagnosis };

/// The number of a Philox stream. Those of lib/philox.h lie below 2^32 (a run's) and from there to 2^48 (the
/// faces of the synthetic set).
inline uint64_t stream(Purpose purpose, uint64_t number = 0) {
  return (uint64_t{1} << 56) + (static_cast<uint64_t>(purpose) << 48) + number;
}

}  // namespace duel::quality
