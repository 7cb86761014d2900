#include "cuda/device_allocator.h"

#include <cuda_runtime.h>

#include "lib/error.h"

namespace duel::cuda {

void* DeviceAllocator::system_allocate(size_t bytes) noexcept {
  void* block = nullptr;
  if (cudaSetDevice(device_) == cudaSuccess && cudaMalloc(&block, bytes) == cudaSuccess) return block;
  cudaGetLastError();  // reported by the caller; the next call must not report it again
  return nullptr;
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

void* PageLockedAllocator::system_allocate(size_t bytes) noexcept {
  void* block = nullptr;
  if (cudaMallocHost(&block, bytes) == cudaSuccess) return block;
  cudaGetLastError();
  return nullptr;
}

void PageLockedAllocator::system_free(void* block) noexcept { cudaFreeHost(block); }

}  // namespace duel::cuda
