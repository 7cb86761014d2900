// Uploads that do not hold up the host.
#pragma once

#include <array>
#include <cstddef>

#include "cuda/queue.h"

namespace duel::cuda {

/// A ring of page-locked pieces of memory. An upload is copied into them piece by piece and fetched from
/// there by the device in its own time, so the caller may change its memory as soon as the call returns. The
/// host waits only when it is a whole ring ahead of the device.
class Staging {
 public:
  explicit Staging(const Queue& queue) : queue_(queue) {}
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  void upload(const void* host, void* device, size_t bytes);

 private:
  struct Piece {
    void* memory = nullptr;  // allocated at its first use
    cudaEvent_t fetched = nullptr;
  };
  Piece& next_piece();

  static constexpr size_t piece_bytes = 4 << 20;
  const Queue& queue_;
  std::array<Piece, 4> ring_;
  size_t next_ = 0;
};

}  // namespace duel::cuda
