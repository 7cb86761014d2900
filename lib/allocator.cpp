#include "lib/allocator.h"

#include <algorithm>
#include <cstdlib>

#include "lib/error.h"

namespace duel {
namespace {

// Small requests share few sizes; large ones are rounded to pages, which wastes next to nothing.
size_t rounded(size_t bytes) {
  const size_t step = bytes < 65536 ? 512 : 4096;
  return std::max<size_t>(step, (bytes + step - 1) / step * step);
}

}  // namespace

void* CachingAllocator::allocate(size_t bytes) {
  const size_t size = rounded(bytes);
  std::lock_guard lock(mutex_);
  void* block = nullptr;
  if (auto kept = kept_.find(size); kept != kept_.end() && !kept->second.empty()) {
    block = kept->second.back();
    kept->second.pop_back();
    stats_.bytes_cached -= static_cast<int64_t>(size);
  } else {
    block = system_allocate(size);
    if (!block) {
      for (auto& [kept_size, blocks] : kept_) {
        for (void* old : blocks) system_free(old);
        blocks.clear();
      }
      stats_.bytes_cached = 0;
      block = system_allocate(size);
    }
    check(block != nullptr, "out of memory: asked for ", size, " bytes with ", stats_.bytes_in_use,
          " bytes in use", system_room(), "; a smaller --batch-size needs less");
    ++stats_.system_allocations;
  }
  stats_.bytes_in_use += static_cast<int64_t>(size);
  stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.bytes_in_use + stats_.bytes_cached);
  return block;
}

void CachingAllocator::release(void* block, size_t bytes) noexcept {
  const size_t size = rounded(bytes);
  std::lock_guard lock(mutex_);
  kept_[size].push_back(block);
  stats_.bytes_in_use -= static_cast<int64_t>(size);
  stats_.bytes_cached += static_cast<int64_t>(size);
}

void CachingAllocator::trim() noexcept {
  std::lock_guard lock(mutex_);
  for (auto& [size, blocks] : kept_) {
    for (void* block : blocks) system_free(block);
  }
  kept_.clear();
  stats_.bytes_cached = 0;
}

CachingAllocator::Stats CachingAllocator::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

void* HostAllocator::system_allocate(size_t bytes) noexcept { return std::aligned_alloc(64, bytes); }
void HostAllocator::system_free(void* block) noexcept { std::free(block); }

}  // namespace duel
