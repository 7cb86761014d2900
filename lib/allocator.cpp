#include "lib/allocator.h"

#include <algorithm>
#include <cstdio>

#include "lib/host_memory.h"
#include "lib/profile.h"

namespace duel {
namespace {

constexpr const char* before_report = "before it began";

// Of the host: what is kept before it counts as much, beside twice of what was in use. Programs that take
// turns at two things, training and an evaluation say, keep the blocks of both.
constexpr int64_t spare = 64 << 20;

int64_t mebibytes(int64_t bytes) { return bytes >> 20; }

// Small requests share few sizes; large ones are rounded to pages, which wastes next to nothing.
size_t rounded(size_t bytes) {
  const size_t step = bytes < 65536 ? 512 : 4096;
  return std::max<size_t>(step, (bytes + step - 1) / step * step);
}

std::string refusal(size_t size, int64_t in_use, const std::optional<CachingAllocator::Room>& room) {
  return concat("out of memory: asked for ", size, " bytes with ", in_use, " bytes in use",
                room ? concat(", ", mebibytes(room->free), " of ", mebibytes(room->total), " MiB free on ",
                              room->device)
                     : "",
                "; smaller batches need less");
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

/// A kept block of `size` bytes or one of the system's; null if there is neither.
void* CachingAllocator::find(size_t size) {
  void* block = reserving_ ? take(kept_reserved_, size) : nullptr;
  if (!block) block = take(kept_, size);
  if (block) return block;
  if (!refuses() && stats_.bytes_cached > 2 * stats_.peak_in_use + spare) free_all(kept_);
  block = system_allocate(size);
  if (!block) {
    free_all(kept_);
    block = system_allocate(size);
  }
  if (block) ++stats_.system_allocations;
  return block;
}

void* CachingAllocator::allocate(size_t bytes) {
  const size_t size = rounded(bytes);
  std::unique_lock lock(mutex_);
  void* block = find(size);
  if (!block && !held_.empty()) {
    lock.unlock();
    end_holding();
    lock.lock();
    block = find(size);
  }
  if (!block) throw OutOfMemory(refusal(size, stats_.bytes_in_use, room()));
  if (reserving_) reserved_.insert(block);
  if (report_) account(block, size);
  stats_.bytes_in_use += static_cast<int64_t>(size);
  stats_.peak_in_use = std::max(stats_.peak_in_use, stats_.bytes_in_use);
  stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.bytes_in_use + stats_.bytes_cached);
  return block;
}

void CachingAllocator::release(void* block, size_t bytes) noexcept {
  const size_t size = rounded(bytes);
  std::lock_guard lock(mutex_);
  if (!holding_) return keep(block, size);
  held_.emplace_back(block, size);
  held_bytes_ += static_cast<int64_t>(size);
}

/// Takes a block back for good.
void CachingAllocator::keep(void* block, size_t size) noexcept {
  if (report_) settle(block, size);
  (reserved_.contains(block) ? kept_reserved_ : kept_)[size].push_back(block);
  stats_.bytes_in_use -= static_cast<int64_t>(size);
  stats_.bytes_cached += static_cast<int64_t>(size);
}

void CachingAllocator::trim() noexcept {
  std::lock_guard lock(mutex_);
  free_all(kept_);
}

void CachingAllocator::begin_report() {
  std::lock_guard lock(mutex_);
  report_.emplace();
  report_->in_use[before_report] = report_->total = report_->peak = stats_.bytes_in_use;
  report_->at_peak = report_->in_use;
}

void CachingAllocator::account(void* block, size_t size) {
  const char* const phase = current_phase() ? current_phase() : "other";
  const auto bytes = static_cast<int64_t>(size);
  report_->blocks[block] = phase;
  report_->in_use[phase] += bytes;
  report_->total += bytes;
  if (report_->total <= report_->peak) return;
  report_->peak = report_->total;
  report_->at_peak = report_->in_use;
}

void CachingAllocator::settle(void* block, size_t size) noexcept {
  const auto found = report_->blocks.find(block);
  const char* const phase = found == report_->blocks.end() ? before_report : found->second;
  report_->in_use[phase] -= static_cast<int64_t>(size);
  report_->total -= static_cast<int64_t>(size);
  if (found != report_->blocks.end()) report_->blocks.erase(found);
}

std::vector<std::pair<std::string, int64_t>> CachingAllocator::peak_by_phase() const {
  std::lock_guard lock(mutex_);
  std::map<std::string, int64_t> by_name;  // one phase may be named in several places
  if (report_) {
    for (const auto& [phase, bytes] : report_->at_peak) by_name[phase] += bytes;
  }
  std::vector<std::pair<std::string, int64_t>> shares(by_name.begin(), by_name.end());
  std::erase_if(shares, [](const auto& share) { return share.second == 0; });
  std::stable_sort(shares.begin(), shares.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return shares;
}

std::string CachingAllocator::report(const std::string& name) const {
  const auto megabytes = [](int64_t bytes) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f MB", 1e-6 * static_cast<double>(bytes));
    return std::string(text);
  };
  int64_t peak = 0;
  std::string shares;
  for (const auto& [phase, bytes] : peak_by_phase()) {
    peak += bytes;
    shares += concat(shares.empty() ? "" : ", ", phase, ' ', megabytes(bytes));
  }
  const Stats now = stats();
  return concat("Memory of ", name, ": ", megabytes(peak), " in use at the peak, ", megabytes(now.peak_bytes),
                " with what is kept for reuse, in ", now.system_allocations, " requests to the system\n",
                "  at the peak by phase: ", shares, "\n");
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

void CachingAllocator::set_holding(bool holding) {
  std::lock_guard lock(mutex_);
  holding_ = holding;
  if (holding) return;
  for (const auto& [block, size] : held_) keep(block, size);
  held_.clear();
  held_bytes_ = 0;
}

int64_t CachingAllocator::held_bytes() const {
  std::lock_guard lock(mutex_);
  return held_bytes_;
}

CachingAllocator::Stats CachingAllocator::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

void* HostAllocator::system_allocate(size_t bytes) noexcept { return allocate_host_memory(bytes); }
void HostAllocator::system_free(void* block) noexcept { free_host_memory(block); }

}  // namespace duel
