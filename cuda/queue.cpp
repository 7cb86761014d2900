#include "cuda/queue.h"

namespace duel::cuda {

Queue::Queue(int device) : device_(device) {
  int multiprocessors = 0, threads = 0;
  DUEL_CUDA(cudaSetDevice(device));
  DUEL_CUDA(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device));
  DUEL_CUDA(cudaDeviceGetAttribute(&threads, cudaDevAttrMaxThreadsPerMultiProcessor, device));
  resident_blocks_ = static_cast<int64_t>(multiprocessors) * (threads / block_threads);
  DUEL_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
}

Queue::~Queue() { cudaStreamDestroy(stream_); }

std::string Queue::description() const {
  cudaDeviceProp card{};
  DUEL_CUDA(cudaGetDeviceProperties(&card, device_));
  return concat(card.name, ", compute capability ", card.major, ".", card.minor, ", ",
                card.multiProcessorCount, " multiprocessors, ", card.totalGlobalMem >> 30, " GiB");
}

}  // namespace duel::cuda
