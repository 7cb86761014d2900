#include "cuda/staging.h"

#include <algorithm>
#include <cstring>

namespace duel::cuda {

bool Event::reached() const {
  const cudaError_t answer = cudaEventQuery(event_);
  if (answer == cudaErrorNotReady) return false;
  expect(answer, "cudaEventQuery()");
  return true;
}

Staging::Piece& Staging::next_piece() {
  std::unique_ptr<Piece>& piece = ring_[next_];
  next_ = (next_ + 1) % ring_.size();
  if (!piece) piece = std::make_unique<Piece>(queue_, page_locked_);
  piece->fetched.wait();
  return *piece;
}

void Staging::upload(const void* host, void* device, size_t bytes) {
  for (size_t done = 0; done < bytes; done += piece_bytes) {
    const size_t count = std::min(piece_bytes, bytes - done);
    const cudaStream_t stream = queue_.stream();
    Piece& piece = next_piece();
    std::memcpy(piece.memory.data(), static_cast<const char*>(host) + done, count);
    DUEL_CUDA(cudaMemcpyAsync(static_cast<char*>(device) + done, piece.memory.data(), count,
                              cudaMemcpyHostToDevice, stream));
    piece.fetched.record(queue_);
  }
}

PageLockedDownload::PageLockedDownload(const Queue& queue, CachingAllocator& page_locked,
                                       const Tensor& source)
    : memory_(page_locked, static_cast<int64_t>(source.bytes())), copied_(queue) {
  DUEL_CUDA(
      cudaMemcpyAsync(memory_.data(), source.raw(), source.bytes(), cudaMemcpyDeviceToHost, queue.stream()));
  copied_.record(queue);
}

const void* PageLockedDownload::data() {
  copied_.wait();
  return memory_.data();
}

}  // namespace duel::cuda
