// Several neighbouring elements as one access to memory.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "lib/host_device.h"

namespace duel::cuda {

/// `width` neighbouring elements, read and written by one instruction.
template <class T, int width>
struct alignas(width == 1 ? alignof(T) : sizeof(T) * width) Pack {
  T lane[width];
};

/// 16 bytes is the widest access of a thread.
template <class T>
constexpr int pack_width = 16 / static_cast<int>(sizeof(T));

/// Whether `data` may be read in packs of `width`: views of a tensor may start anywhere.
template <int width, class T>
DUEL_HOST_DEVICE bool aligned_to_pack(const T* data) {
  return reinterpret_cast<uintptr_t>(data) % alignof(Pack<T, width>) == 0;
}

/// Pack number `index` of an array of packs.
template <int width, class T>
__device__ Pack<T, width> load_pack(const T* data, int64_t index) {
  return reinterpret_cast<const Pack<T, width>*>(data)[index];
}

/// Stores or adds lane by lane.
template <int width, class T>
__device__ void store_pack(T* data, int64_t index, Pack<T, width> values, bool add) {
  auto& target = reinterpret_cast<Pack<T, width>*>(data)[index];
  if (add) {
    const Pack<T, width> before = target;
    for (int i = 0; i < width; ++i) values.lane[i] += before.lane[i];
  }
  target = values;
}

}  // namespace duel::cuda
