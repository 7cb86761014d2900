// Instructions of compute capability 8.0 that C++ has no words for. See the PTX ISA under the names in
// quotes. tests/host_cuda has a stand-in.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace duel::cuda {

/// `bytes` (4 or 16, on which both addresses begin) from memory to shared memory, or zeros there if not
/// `valid`, by way of the multiprocessor's cache and past its registers ("cp.async"). They are there for this
/// thread after wait_copies(), for the others after a barrier behind that.
template <int bytes>
__device__ inline void copy_async(void* shared, const void* source, bool valid) {
  const auto target = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(target), "l"(source), "n"(bytes),
               "r"(valid ? bytes : 0)
               : "memory");
}
/// Makes a group of the copies since the last one; it may be empty.
__device__ inline void end_copy_group() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until of this thread's groups all but the last `groups` have arrived.
template <int groups>
__device__ inline void wait_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(groups) : "memory");
}

/// To the nearest TF32, away from zero where two are as near ("cvt.rna.tf32.f32").
__device__ inline uint32_t round_to_tf32(float x) {
  uint32_t rounded;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(x));
  return rounded;
}
/// Both to the nearest bfloat16, to the even where two are as near; `low` in the lower half
/// ("cvt.rn.bf16x2.f32").
__device__ inline uint32_t round_to_bf16(float low, float high) {
  uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

/// sums += a b for the whole warp, whose lanes each hold a part: (16, 8) += (16, 8) (8, 8) ("mma.m16n8k8").
__device__ inline void multiply_tf32(float (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
/// The same for (16, 16) and (16, 8), pairs of neighbours along k in a word ("mma.m16n8k16").
__device__ inline void multiply_bf16(float (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/// What a kernel was given of shared memory at its launch.
__device__ inline float* dynamic_shared() {
  extern __shared__ float4 given[];
  return reinterpret_cast<float*>(given);
}

}  // namespace duel::cuda
