// A caching allocator: a block that is freed is kept and handed out again for the next request of its size,
// so that a training step, whose requests repeat, asks the system for nothing after its first iteration.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

namespace duel {

class CachingAllocator {
 public:
  struct Stats {
    int64_t bytes_in_use = 0;        ///< handed out now
    int64_t bytes_cached = 0;        ///< freed and kept
    int64_t peak_bytes = 0;          ///< largest bytes_in_use + bytes_cached so far: what the system saw
    int64_t system_allocations = 0;  ///< requests that no kept block could serve
  };

  virtual ~CachingAllocator() = default;
  CachingAllocator(const CachingAllocator&) = delete;
  CachingAllocator& operator=(const CachingAllocator&) = delete;

  /// At least `bytes` bytes, aligned to 64. Kept blocks go back to the system before a request fails;
  /// throws Error with the bytes asked for, in use and free if it fails even then.
  void* allocate(size_t bytes);
  /// Takes back a block of `bytes` bytes that allocate() gave.
  void release(void* block, size_t bytes) noexcept;
  /// Gives the kept blocks back to the system.
  void trim() noexcept;
  Stats stats() const;

  /// For work that is recorded and replayed at the same addresses: a block handed out while reserving stays
  /// apart, and once released is handed out again only to requests made while reserving.
  void set_reserving(bool reserving);
  /// Ends that: such blocks are again like all others.
  void forget_reserved();

 protected:
  CachingAllocator() = default;
  virtual void* system_allocate(size_t bytes) noexcept = 0;  ///< nullptr when there is no room
  virtual void system_free(void* block) noexcept = 0;
  /// What the system says about its free memory, as a part of a message; empty where it says nothing.
  virtual std::string system_room() const { return {}; }

 private:
  using Kept = std::map<size_t, std::vector<void*>>;  // by rounded size
  void* take(Kept& kept, size_t size);
  void free_all(Kept& kept) noexcept;

  mutable std::mutex mutex_;
  Kept kept_, kept_reserved_;
  std::unordered_set<void*> reserved_;
  bool reserving_ = false;
  Stats stats_;
};

/// The host's memory.
class HostAllocator final : public CachingAllocator {
 public:
  ~HostAllocator() override { trim(); }

 protected:
  void* system_allocate(size_t bytes) noexcept override;
  void system_free(void* block) noexcept override;
};

}  // namespace duel
