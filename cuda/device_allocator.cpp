#include "cuda/device_allocator.h"

#include "cuda/errors.h"

namespace duel::cuda {
namespace {

/// Whether there was room. An answer that says neither is that of work queued before, a kernel's say, and no
/// smaller batch would help.
bool had_room(cudaError_t answer, const char* call) {
  if (answer == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // reported by the caller; the next call must not report it again
    return false;
  }
  expect(answer, call);
  return true;
}

}  // namespace

void* DeviceAllocator::system_allocate(size_t bytes) {
  DUEL_CUDA(cudaSetDevice(device_));
  void* block = nullptr;
  return had_room(cudaMalloc(&block, bytes), "cudaMalloc()") ? block : nullptr;
}

void DeviceAllocator::system_free(void* block) noexcept { cudaFree(block); }

std::optional<CachingAllocator::Room> DeviceAllocator::room() const {
  size_t free = 0, total = 0;
  if (cudaSetDevice(device_) != cudaSuccess || cudaMemGetInfo(&free, &total) != cudaSuccess) {
    cudaGetLastError();
    return {};
  }
  return Room{static_cast<int64_t>(free), static_cast<int64_t>(total), concat("cuda:", device_)};
}

void* PageLockedAllocator::system_allocate(size_t bytes) {
  void* block = nullptr;
  return had_room(cudaMallocHost(&block, bytes), "cudaMallocHost()") ? block : nullptr;
}

void PageLockedAllocator::system_free(void* block) noexcept { cudaFreeHost(block); }

}  // namespace duel::cuda
