// A caching allocator: a block that is freed is kept and handed out again for the next request of its size,
// so that a training step, whose requests repeat, asks the system for nothing after its second iteration.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "lib/error.h"

namespace duel {

/// A request that the system's memory cannot serve.
class OutOfMemory : public Error {
 public:
  using Error::Error;
};

class CachingAllocator {
 public:
  struct Stats {
    int64_t bytes_in_use = 0;        ///< handed out now
    int64_t bytes_cached = 0;        ///< freed and kept
    int64_t peak_in_use = 0;         ///< largest bytes_in_use so far
    int64_t peak_bytes = 0;          ///< largest bytes_in_use + bytes_cached so far: what the system saw
    int64_t system_allocations = 0;  ///< requests that no kept block could serve
  };

  virtual ~CachingAllocator() = default;
  CachingAllocator(const CachingAllocator&) = delete;
  CachingAllocator& operator=(const CachingAllocator&) = delete;

  /// At least `bytes` bytes, aligned to 64. Kept and held blocks are given up before a request fails; throws
  /// OutOfMemory with the bytes asked for, in use and free if it fails even then. Where the system refuses
  /// nothing (see refuses()), kept blocks are given up, too, once they are much more than was ever in use: a
  /// program whose requests never repeat must not keep them all.
  void* allocate(size_t bytes);
  /// Takes back a block of `bytes` bytes that allocate() gave.
  void release(void* block, size_t bytes) noexcept;
  /// Gives the kept blocks back to the system.
  void trim() noexcept;
  Stats stats() const;

  /// The system's own memory, bytes.
  struct Room {
    int64_t free = 0, total = 0;
    std::string device;  ///< whose memory it is, "cuda:0" say
  };
  /// What the system says of it; nothing where it says nothing.
  virtual std::optional<Room> room() const { return {}; }

  /// From now on, accounts the blocks handed out to the phase (lib/profile.h) that they are asked for in.
  void begin_report();
  /// Who held how much when most was in use since begin_report(), the largest first; what was in use before
  /// belongs to "before it began".
  std::vector<std::pair<std::string, int64_t>> peak_by_phase() const;
  /// Two lines for people: the peak, and by what. After begin_report().
  std::string report(const std::string& name) const;

  /// For work that is recorded and replayed at the same addresses: a block handed out while reserving stays
  /// apart, and once released is handed out again only to requests made while reserving.
  void set_reserving(bool reserving);
  /// Ends that: such blocks are again like all others.
  void forget_reserved();

  /// For work that runs beside other work: while holding, a released block counts as in use and is not handed
  /// out again before holding ends.
  void set_holding(bool holding);
  /// Bytes of the blocks that are held.
  int64_t held_bytes() const;

 protected:
  CachingAllocator() = default;
  /// nullptr when there is no room; throws Error if the system is at fault.
  virtual void* system_allocate(size_t bytes) = 0;
  virtual void system_free(void* block) noexcept = 0;
  /// Whether the system says so when there is no room. Linux hands out more of the host's memory than there
  /// is and ends a process that fills it.
  virtual bool refuses() const { return true; }
  /// Called where there is no room but blocks are held: ends what they are held for, if that can be done now.
  virtual void end_holding() {}

 private:
  using Kept = std::map<size_t, std::vector<void*>>;  // by rounded size
  void* take(Kept& kept, size_t size);
  void* find(size_t size);
  void free_all(Kept& kept) noexcept;
  void account(void* block, size_t size);
  void settle(void* block, size_t size) noexcept;
  void keep(void* block, size_t size) noexcept;

  /// Bytes in use by phase, and which phase each block belongs to.
  struct Report {
    std::map<const char*, int64_t> in_use, at_peak;
    std::unordered_map<void*, const char*> blocks;
    int64_t total, peak;  // set by begin_report()
  };

  mutable std::mutex mutex_;
  std::optional<Report> report_;
  Kept kept_, kept_reserved_;
  std::unordered_set<void*> reserved_;
  bool reserving_ = false, holding_ = false;
  std::vector<std::pair<void*, size_t>> held_;
  int64_t held_bytes_ = 0;
  Stats stats_;
};

/// The host's memory.
class HostAllocator final : public CachingAllocator {
 public:
  ~HostAllocator() override { trim(); }

 protected:
  void* system_allocate(size_t bytes) noexcept override;
  void system_free(void* block) noexcept override;
  bool refuses() const override { return false; }
};

}  // namespace duel
