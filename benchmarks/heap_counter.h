// How often the program asked for memory by operator new: duel_bench replaces it by one that counts.
#pragma once

#include <cstdint>

namespace duel::bench {

struct HeapUse {
  int64_t allocations = 0, bytes = 0;
};

/// Since the program began.
HeapUse heap_use();

}  // namespace duel::bench
