// The middle of some numbers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "lib/error.h"

namespace duel::quality {

/// The middle one in order; of an even number the upper of the two. Throws Error if there are none.
template <class T>
T median(std::vector<T> values) {
  check(!values.empty(), "[median] of no numbers");
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace duel::quality
