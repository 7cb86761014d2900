#include "cuda/staging.h"

#include <algorithm>
#include <cstring>

namespace duel::cuda {

Staging::~Staging() {
  for (Piece& piece : ring_) {
    if (piece.fetched) cudaEventDestroy(piece.fetched);
    if (piece.memory) cudaFreeHost(piece.memory);
  }
}

Staging::Piece& Staging::next_piece() {
  Piece& piece = ring_[next_];
  next_ = (next_ + 1) % ring_.size();
  if (!piece.memory) {
    DUEL_CUDA(cudaMallocHost(&piece.memory, piece_bytes));
    DUEL_CUDA(cudaEventCreateWithFlags(&piece.fetched, cudaEventDisableTiming));
  }
  DUEL_CUDA(cudaEventSynchronize(piece.fetched));
  return piece;
}

void Staging::upload(const void* host, void* device, size_t bytes) {
  const cudaStream_t stream = queue_.stream();
  for (size_t done = 0; done < bytes; done += piece_bytes) {
    const size_t count = std::min(piece_bytes, bytes - done);
    const Piece& piece = next_piece();
    std::memcpy(piece.memory, static_cast<const char*>(host) + done, count);
    DUEL_CUDA(cudaMemcpyAsync(static_cast<char*>(device) + done, piece.memory, count, cudaMemcpyHostToDevice,
                              stream));
    DUEL_CUDA(cudaEventRecord(piece.fetched, stream));
  }
}

}  // namespace duel::cuda
