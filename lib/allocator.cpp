#include "lib/allocator.h"

#include <algorithm>

#include "lib/error.h"
#include "lib/host_memory.h"

namespace duel {
namespace {

// Small requests share few sizes; large ones are rounded to pages, which wastes next to nothing.
size_t rounded(size_t bytes) {
  const size_t step = bytes < 65536 ? 512 : 4096;
  return std::max<size_t>(step, (bytes + step - 1) / step * step);
}

}  // namespace

/// A kept block of this size, or null.
void* CachingAllocator::take(Kept& kept, size_t size) {
  const auto blocks = kept.find(size);
  if (blocks == kept.end() || blocks->second.empty()) return nullptr;
  void* const block = blocks->second.back();
  blocks->second.pop_back();
  stats_.bytes_cached -= static_cast<int64_t>(size);
  return block;
}

void CachingAllocator::free_all(Kept& kept) noexcept {
  for (auto& [size, blocks] : kept) {
    for (void* block : blocks) system_free(block);
    stats_.bytes_cached -= static_cast<int64_t>(size * blocks.size());
  }
  kept.clear();
}

void* CachingAllocator::allocate(size_t bytes) {
  const size_t size = rounded(bytes);
  std::lock_guard lock(mutex_);
  void* block = reserving_ ? take(kept_reserved_, size) : nullptr;
  if (!block) block = take(kept_, size);
  if (!block) {
    block = system_allocate(size);
    if (!block) {
      free_all(kept_);
      block = system_allocate(size);
    }
    check(block != nullptr, "out of memory: asked for ", size, " bytes with ", stats_.bytes_in_use,
          " bytes in use", system_room(), "; a smaller --batch-size needs less");
    ++stats_.system_allocations;
  }
  if (reserving_) reserved_.insert(block);
  stats_.bytes_in_use += static_cast<int64_t>(size);
  stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.bytes_in_use + stats_.bytes_cached);
  return block;
}

void CachingAllocator::release(void* block, size_t bytes) noexcept {
  const size_t size = rounded(bytes);
  std::lock_guard lock(mutex_);
  (reserved_.contains(block) ? kept_reserved_ : kept_)[size].push_back(block);
  stats_.bytes_in_use -= static_cast<int64_t>(size);
  stats_.bytes_cached += static_cast<int64_t>(size);
}

void CachingAllocator::trim() noexcept {
  std::lock_guard lock(mutex_);
  free_all(kept_);
}

void CachingAllocator::set_reserving(bool reserving) {
  std::lock_guard lock(mutex_);
  reserving_ = reserving;
}

void CachingAllocator::forget_reserved() {
  std::lock_guard lock(mutex_);
  for (auto& [size, blocks] : kept_reserved_) {
    std::vector<void*>& others = kept_[size];
    others.insert(others.end(), blocks.begin(), blocks.end());
  }
  kept_reserved_.clear();
  reserved_.clear();
}

CachingAllocator::Stats CachingAllocator::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

void* HostAllocator::system_allocate(size_t bytes) noexcept { return allocate_host_memory(bytes); }
void HostAllocator::system_free(void* block) noexcept { free_host_memory(block); }

}  // namespace duel
