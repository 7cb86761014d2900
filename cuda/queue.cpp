#include "cuda/queue.h"

#include <cstdlib>
#include <string_view>

namespace duel::cuda {
namespace {

/// Whether the environment has it at 1. Duel's own are there to measure what something gains, or to rule it
/// out.
bool is_set(const char* variable) {
  const char* const value = std::getenv(variable);
  return value && std::string_view(value) == "1";
}

}  // namespace

Queue::Queue(int device, int code) : device_(device), code_(code) {
  DUEL_CUDA(cudaSetDevice(device));
  const auto attribute = [device](cudaDeviceAttr which) {
    int value = 0;
    DUEL_CUDA(cudaDeviceGetAttribute(&value, which, device));
    return value;
  };
  compute_capability_ =
      10 * attribute(cudaDevAttrComputeCapabilityMajor) + attribute(cudaDevAttrComputeCapabilityMinor);
  // A driver that is told to compile the PTX itself takes that of 9.0, which has no such products.
  has_warpgroups_ = compute_capability_ == 90 && code_ == 90 && !is_set("CUDA_FORCE_PTX_JIT");
  // Older drivers know no early beginning in what is recorded.
  constexpr int first_with_early_edges = 12030;
  int driver = 0;
  DUEL_CUDA(cudaDriverGetVersion(&driver));
  overlapping_ = code_ >= 90 && driver >= first_with_early_edges && !is_set("DUEL_NO_OVERLAP");
  has_second_lane_ = !is_set("DUEL_NO_BESIDE");
  multiprocessors_ = attribute(cudaDevAttrMultiProcessorCount);
  resident_blocks_ = multiprocessors_ * (attribute(cudaDevAttrMaxThreadsPerMultiProcessor) / block_threads);
  for (Lane& lane : lanes_) {
    DUEL_CUDA(cudaStreamCreateWithFlags(&lane.stream, cudaStreamNonBlocking));
    DUEL_CUDA(cudaEventCreateWithFlags(&lane.reached, cudaEventDisableTiming));
  }
}

Queue::~Queue() {
  for (const Lane& lane : lanes_) {
    cudaEventDestroy(lane.reached);
    cudaStreamDestroy(lane.stream);
  }
}

void Queue::wait(Lane& to, const Lane& from) {
  DUEL_CUDA(cudaSetDevice(device_));
  DUEL_CUDA(cudaEventRecord(from.reached, from.stream));
  DUEL_CUDA(cudaStreamWaitEvent(to.stream, from.reached, 0));
  to.waits = true;
}

void Queue::beside(const std::function<void()>& work) {
  if (lane_ == 1) return work();
  wait(lanes_[1], lanes_[0]);
  forked_ = true;
  lane_ = 1;
  try {
    work();
  } catch (...) {
    lane_ = 0;
    throw;
  }
  lane_ = 0;
}

void Queue::join() {
  if (lane_ == 1 || !forked_) return;
  wait(lanes_[0], lanes_[1]);
  forked_ = false;
}

void Queue::meet() {
  wait(lanes_[1], lanes_[0]);
  wait(lanes_[0], lanes_[1]);
}

std::string Queue::description() const {
  cudaDeviceProp card{};
  DUEL_CUDA(cudaGetDeviceProperties(&card, device_));
  return concat(card.name, ", compute capability ", card.major, ".", card.minor, ", ",
                card.multiProcessorCount, " multiprocessors, ", card.totalGlobalMem >> 30, " GiB");
}

}  // namespace duel::cuda
