// The device's memory, temporary pieces of it, and the host's memory that the device reaches.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "lib/allocator.h"

namespace duel::cuda {

/// A block released by the host may still be in use by work that was queued before. It is handed out again
/// only to work queued after that on the same stream, so nothing has to wait for it; while there is work on
/// the second one, released blocks are held back (set_holding()).
class DeviceAllocator final : public CachingAllocator {
 public:
  /// `join` lets what follows wait for the work that blocks are held for.
  DeviceAllocator(int device, std::function<void()> join) : device_(device), join_(std::move(join)) {}
  ~DeviceAllocator() override { trim(); }

  std::optional<Room> room() const override;

 protected:
  void* system_allocate(size_t bytes) override;
  void system_free(void* block) noexcept override;
  void end_holding() override { join_(); }

 private:
  int device_;
  std::function<void()> join_;
};

/// Memory of the host that the device reads and writes by itself.
class PageLockedAllocator final : public CachingAllocator {
 public:
  ~PageLockedAllocator() override { trim(); }

 protected:
  void* system_allocate(size_t bytes) override;
  void system_free(void* block) noexcept override;
};

/// `count` elements for the work queued while it lives.
template <class T>
class Scratch {
 public:
  Scratch(CachingAllocator& allocator, int64_t count)
      : allocator_(allocator),
        bytes_(static_cast<size_t>(count) * sizeof(T)),
        data_(static_cast<T*>(allocator.allocate(bytes_))) {}
  ~Scratch() { allocator_.release(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* data() const { return data_; }

 private:
  CachingAllocator& allocator_;
  size_t bytes_;
  T* data_;
};

}  // namespace duel::cuda
