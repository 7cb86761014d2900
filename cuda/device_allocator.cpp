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

std::string DeviceAllocator::system_room() const {
  size_t free = 0, total = 0;
  if (const cudaError_t answer = cudaMemGetInfo(&free, &total); answer != cudaSuccess)
    return concat(" on cuda:", device_, ", which answers: ", cudaGetErrorString(answer));
  return concat(", ", free >> 20, " of ", total >> 20, " MiB free on cuda:", device_);
}

void* PageLockedAllocator::system_allocate(size_t bytes) noexcept {
  void* block = nullptr;
  if (cudaMallocHost(&block, bytes) == cudaSuccess) return block;
  cudaGetLastError();
  return nullptr;
}

void PageLockedAllocator::system_free(void* block) noexcept { cudaFreeHost(block); }

}  // namespace duel::cuda
