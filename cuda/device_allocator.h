// The device's memory, temporary pieces of it, and the host's memory that the device reaches.
#pragma once

#include <string>

#include "lib/allocator.h"

namespace duel::cuda {

/// A block released by the host may still be in use by work that was queued before. It is handed out again
/// only to work queued after that on the same stream, so nothing has to wait for it.
class DeviceAllocator final : public CachingAllocator {
 public:
  explicit DeviceAllocator(int device) : device_(device) {}
  ~DeviceAllocator() override { trim(); }

  std::optional<Room> room() const override;

 protected:
  void* system_allocate(size_t bytes) override;
  void system_free(void* block) noexcept override;

 private:
  int device_;
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
