// A stand-in for CUDA's header of this name: see cuda_runtime.h beside it.
#pragma once

#include <bit>
#include <cstdint>

struct __nv_bfloat16 {
  uint16_t bits;
  operator float() const { return std::bit_cast<float>(uint32_t{bits} << 16); }
};

/// To the nearest, to an even one where two are as near.
inline __nv_bfloat16 __float2bfloat16(float x) {
  const uint32_t word = std::bit_cast<uint32_t>(x);
  return {static_cast<uint16_t>((word + 0x7fff + (word >> 16 & 1)) >> 16)};
}
