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

/// Four matrices of 8 x 8 elements of two bytes from shared memory, for the whole warp: row_of(8 i + r) is
/// where row r of matrix i begins, on 16 bytes. words[i] holds of matrix i, if not `transposed`, elements
/// 2 (lane % 4) and the next one, in the upper half, of row lane / 4; else of that column ("ldmatrix.x4").
template <bool transposed, class RowOf>
__device__ inline void load_matrices(uint32_t (&words)[4], const RowOf& row_of) {
  const auto row =
      static_cast<uint32_t>(__cvta_generic_to_shared(row_of(static_cast<int>(threadIdx.x) % 32)));
  if constexpr (transposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"(row)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"(row)
                 : "memory");
  }
}

/// To the nearest TF32, away from zero where two are as near ("cvt.rna.tf32.f32").
__device__ inline uint32_t round_to_tf32(float x) {
  uint32_t rounded;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(x));
  return rounded;
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
template <class T>
__device__ T* dynamic_shared() {
  extern __shared__ float4 given[];
  return reinterpret_cast<T*>(given);
}

}  // namespace duel::cuda
