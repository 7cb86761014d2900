#include "cuda/queue.h"

#include <cstdlib>
#include <string_view>

namespace duel::cuda {

Queue::Queue(int device) : device_(device) {
  DUEL_CUDA(cudaSetDevice(device));
  const auto attribute = [device](cudaDeviceAttr which) {
    int value = 0;
    DUEL_CUDA(cudaDeviceGetAttribute(&value, which, device));
    return value;
  };
  compute_capability_ =
      10 * attribute(cudaDevAttrComputeCapabilityMajor) + attribute(cudaDevAttrComputeCapabilityMinor);
  const char* const refused = std::getenv("DUEL_NO_OVERLAP");
  overlapping_ = compute_capability_ >= 90 && !(refused && std::string_view(refused) == "1");
  multiprocessors_ = attribute(cudaDevAttrMultiProcessorCount);
  resident_blocks_ = multiprocessors_ * (attribute(cudaDevAttrMaxThreadsPerMultiProcessor) / block_threads);
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
