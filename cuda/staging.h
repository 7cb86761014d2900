// Transfers between host and device that hold up neither.
#pragma once

#include <array>
#include <cstddef>

#include "cuda/device_allocator.h"
#include "cuda/queue.h"
#include "lib/kernels.h"

namespace duel::cuda {

/// A point in a queue's work.
class Event {
 public:
  explicit Event(const Queue& queue) {
    queue.stream();  // an event belongs to the device that is the current one
    DUEL_CUDA(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming));
  }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  /// From now on, the point behind all that the queue was given so far.
  void record(const Queue& queue) { DUEL_CUDA(cudaEventRecord(event_, queue.stream())); }
  bool reached() const;
  /// Waits until the device is there; at once if it was never recorded.
  void wait() const { DUEL_CUDA(cudaEventSynchronize(event_)); }
  /// As wait(), for destructors: an error comes to light at the next call.
  void settle() const noexcept { cudaEventSynchronize(event_); }

 private:
  cudaEvent_t event_ = nullptr;
};

/// A ring of page-locked pieces of memory. An upload is copied into them piece by piece and fetched from
/// there by the device in its own time, so the caller may change its memory as soon as the call returns. The
/// host waits only when it is a whole ring ahead of the device.
class Staging {
 public:
  Staging(const Queue& queue, CachingAllocator& page_locked) : queue_(queue), page_locked_(page_locked) {}

  void upload(const void* host, void* device, size_t bytes);

 private:
  struct Piece {
    Piece(const Queue& queue, CachingAllocator& page_locked)
        : memory(page_locked, piece_bytes), fetched(queue) {}
    Scratch<char> memory;
    Event fetched;
  };
  Piece& next_piece();

  static constexpr size_t piece_bytes = 4 << 20;
  const Queue& queue_;
  CachingAllocator& page_locked_;
  std::array<std::unique_ptr<Piece>, 4> ring_;  // each made at its first use
  size_t next_ = 0;
};

/// A copy of a tensor under way into page-locked memory.
class PageLockedDownload final : public Kernels::Download {
 public:
  PageLockedDownload(const Queue& queue, CachingAllocator& page_locked, const Tensor& source);
  /// Until the copy is done its memory may not be handed out again.
  ~PageLockedDownload() override { copied_.settle(); }
  bool arrived() const override { return copied_.reached(); }
  const void* data() override;

 private:
  Scratch<char> memory_;
  Event copied_;
};

}  // namespace duel::cuda
