// Several neighbouring elements as one access to memory.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "lib/bfloat16.h"
#include "lib/host_device.h"

namespace duel::cuda {

/// `width` neighbouring elements, read and written by one instruction, or one for each 16 bytes.
template <class T, int width>
struct alignas(width == 1               ? alignof(T)
               : sizeof(T) * width < 16 ? sizeof(T) * width
                                        : 16) Pack {
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

/// What was stored, as numbers to calculate with. Two bfloat16 in a register become float32 by one
/// instruction each; lane by lane it would be three for every second one.
template <class T, int width>
__device__ Pack<Computed<T>, width> computed(const Pack<T, width>& pack) {
  Pack<Computed<T>, width> values;
  if constexpr (std::is_same_v<T, BFloat16> && width % 2 == 0) {
#pragma unroll
    for (int i = 0; i < width; i += 2) {
      uint32_t both;
      std::memcpy(&both, &pack.lane[i], sizeof(both));
      const uint32_t words[] = {both << 16, both & 0xffff0000};
      std::memcpy(&values.lane[i], words, sizeof(words));
    }
  } else {
#pragma unroll
    for (int i = 0; i < width; ++i) values.lane[i] = static_cast<Computed<T>>(pack.lane[i]);
  }
  return values;
}

/// Pack number `index` of an array of packs, as numbers to calculate with.
template <int width, class T>
__device__ Pack<Computed<T>, width> load_pack(const T* data, int64_t index) {
  // In one access: taken apart where it lies, it would be read lane by lane.
  const Pack<T, width> pack = reinterpret_cast<const Pack<T, width>*>(data)[index];
  return computed(pack);
}

/// A number as it is stored; as bfloat16 by one instruction where the card has it, in place of six.
template <class T>
__device__ T stored(Computed<T> x) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  if constexpr (std::is_same_v<T, BFloat16>) {
    BFloat16 y;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
    return y;
  }
#endif
  return T(x);
}

/// Stores or adds lane by lane.
template <int width, class T>
__device__ void store_pack(T* data, int64_t index, Pack<Computed<T>, width> values, bool add) {
  if (add) {
    const Pack<Computed<T>, width> before = load_pack<width>(data, index);
#pragma unroll
    for (int i = 0; i < width; ++i) values.lane[i] += before.lane[i];
  }
  Pack<T, width> pack;
#pragma unroll
  for (int i = 0; i < width; ++i) pack.lane[i] = stored<T>(values.lane[i]);
  reinterpret_cast<Pack<T, width>*>(data)[index] = pack;
}

}  // namespace duel::cuda
