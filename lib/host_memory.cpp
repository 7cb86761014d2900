#include "lib/host_memory.h"

#include <cstdlib>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace duel {

void* allocate_host_memory(size_t bytes) noexcept {
  constexpr size_t line = 64, large_page = size_t{2} << 20;
  const size_t alignment = bytes >= 2 * large_page ? large_page : line;
  void* const block = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
#if defined(__linux__)
  // A refusal costs nothing but speed.
  if (block != nullptr && alignment == large_page) madvise(block, bytes, MADV_HUGEPAGE);
#endif
  return block;
}

void free_host_memory(void* block) noexcept { std::free(block); }

}  // namespace duel
