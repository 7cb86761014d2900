#pragma once

#include <cstdint>
#include <vector>

#include "lib/philox.h"

namespace duel {

/// Numbers from [-1, 1).
inline std::vector<float> random_floats(int64_t count, uint64_t seed) {
  PhiloxWalk walk(seed, static_cast<uint64_t>(Stream::Check));
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = walk.uniform(-1, 1);
  return values;
}

}  // namespace duel
