// Instructions of compute capability 8.0 and 9.0 that C++ has no words for. See the PTX ISA under the names
// in quotes. tests/host_cuda has a stand-in.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace duel::cuda {

/// Where it lies in shared memory, in bytes from its beginning.
__device__ inline uint32_t shared_address(const void* shared) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(shared));
}

/// `bytes` (4 or 16, on which both addresses begin) from memory to shared memory, or zeros there if not
/// `valid`, past the registers ("cp.async") and, if they are 16, past the multiprocessor's cache, which only
/// delayed them where it was measured. They are there for this thread after wait_copies(), for the others
/// after a barrier behind that.
template <int bytes>
__device__ inline void copy_async(void* shared, const void* source, bool valid) {
  const uint32_t target = shared_address(shared);
  if constexpr (bytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], %2, %3;" ::"r"(target), "l"(source), "n"(bytes),
                 "r"(valid ? bytes : 0)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(target), "l"(source), "n"(bytes),
                 "r"(valid ? bytes : 0)
                 : "memory");
  }
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
  const uint32_t row = shared_address(row_of(static_cast<int>(threadIdx.x) % 32));
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

/// The number that round_to_tf32() gives the bits of; x itself before compute capability 8.0, which has no
/// TF32.
__device__ inline float rounded_to_tf32(float x) {
#if __CUDA_ARCH__ >= 800
  return __uint_as_float(round_to_tf32(x));
#else
  return x;
#endif
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

// ---- products of a warpgroup: four warps, compute capability 9.0 alone ----

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define DUEL_GROUP_INSTRUCTION(...) asm volatile(__VA_ARGS__)
#else
#define DUEL_GROUP_INSTRUCTION(...)  // there is no such instruction; nobody asks for it on these cards
#endif

/// What this thread's copies have brought is seen by products that begin behind the next barrier
/// ("fence.proxy.async").
__device__ inline void show_copies_to_group() {
  DUEL_GROUP_INSTRUCTION("fence.proxy.async.shared::cta;" ::: "memory");
}

/// Before the first product of a group and behind the last one ("wgmma.fence", "wgmma.commit_group").
__device__ inline void begin_group_products() {
  DUEL_GROUP_INSTRUCTION("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ inline void end_group_products() {
  DUEL_GROUP_INSTRUCTION("wgmma.commit_group.sync.aligned;" ::: "memory");
}
/// Waits for all groups of products but the last `groups` ("wgmma.wait_group").
template <int groups>
__device__ inline void wait_group_products() {
  DUEL_GROUP_INSTRUCTION("wgmma.wait_group.sync.aligned %0;" ::"n"(groups) : "memory");
}

// What the words of the following instructions have in common.
#define DUEL_SUMS(p) "+f"(sums[p][0]), "+f"(sums[p][1]), "+f"(sums[p][2]), "+f"(sums[p][3])
#define DUEL_SUMS_2(p) DUEL_SUMS(p), DUEL_SUMS(p + 1)
#define DUEL_SUMS_8(p) DUEL_SUMS_2(p), DUEL_SUMS_2(p + 2), DUEL_SUMS_2(p + 4), DUEL_SUMS_2(p + 6)
#define DUEL_NAMES_8 "%0, %1, %2, %3, %4, %5, %6, %7"
#define DUEL_NAMES_32                                                                          \
  DUEL_NAMES_8                                                                                 \
  ", %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, " \
  "%26, %27, %28, %29, %30, %31"
#define DUEL_NAMES_64                                                                            \
  DUEL_NAMES_32                                                                                  \
  ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, " \
  "%50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define DUEL_BEGIN_PRODUCT "{ .reg .pred adding; setp.eq.u32 adding, 0, 0; wgmma.mma_async.sync.aligned."

/// Begins sums += a b for the whole group: (64, 8 packs) += (64, 16) (16, 8 packs) of bfloat16 in shared
/// memory, told by descriptors (GroupTile); `across`: whether their rows lie across k. Sums as those of
/// multiply_tf32, 16 rows a warp. They are not to be touched before the group has been waited for
/// ("wgmma.mma_async").
template <bool a_across, bool b_across, int packs>
__device__ inline void multiply_group_bf16(float (&sums)[packs][4], uint64_t a, uint64_t b) {
  static_assert(packs == 2 || packs == 8 || packs == 16);
  if constexpr (packs == 2) {
    DUEL_GROUP_INSTRUCTION(DUEL_BEGIN_PRODUCT "m64n16k16.f32.bf16.bf16 {" DUEL_NAMES_8
                                              "}, %8, %9, adding, 1, 1, %10, %11; }"
                           : DUEL_SUMS_2(0)
                           : "l"(a), "l"(b), "n"(a_across), "n"(b_across));
  } else if constexpr (packs == 8) {
    DUEL_GROUP_INSTRUCTION(DUEL_BEGIN_PRODUCT "m64n64k16.f32.bf16.bf16 {" DUEL_NAMES_32
                                              "}, %32, %33, adding, 1, 1, %34, %35; }"
                           : DUEL_SUMS_8(0)
                           : "l"(a), "l"(b), "n"(a_across), "n"(b_across));
  } else {
    DUEL_GROUP_INSTRUCTION(DUEL_BEGIN_PRODUCT "m64n128k16.f32.bf16.bf16 {" DUEL_NAMES_64
                                              "}, %64, %65, adding, 1, 1, %66, %67; }"
                           : DUEL_SUMS_8(0), DUEL_SUMS_8(8)
                           : "l"(a), "l"(b), "n"(a_across), "n"(b_across));
  }
}
/// The same of TF32: (64, 8 packs) += (64, 8) (8, 8 packs), whose rows lie along k.
template <int packs>
__device__ inline void multiply_group_tf32(float (&sums)[packs][4], uint64_t a, uint64_t b) {
  static_assert(packs == 2 || packs == 8 || packs == 16);
  if constexpr (packs == 2) {
    DUEL_GROUP_INSTRUCTION(DUEL_BEGIN_PRODUCT "m64n16k8.f32.tf32.tf32 {" DUEL_NAMES_8
                                              "}, %8, %9, adding, 1, 1; }"
                           : DUEL_SUMS_2(0)
                           : "l"(a), "l"(b));
  } else if constexpr (packs == 8) {
    DUEL_GROUP_INSTRUCTION(DUEL_BEGIN_PRODUCT "m64n64k8.f32.tf32.tf32 {" DUEL_NAMES_32
                                              "}, %32, %33, adding, 1, 1; }"
                           : DUEL_SUMS_8(0)
                           : "l"(a), "l"(b));
  } else {
    DUEL_GROUP_INSTRUCTION(DUEL_BEGIN_PRODUCT "m64n128k8.f32.tf32.tf32 {" DUEL_NAMES_64
                                              "}, %64, %65, adding, 1, 1; }"
                           : DUEL_SUMS_8(0), DUEL_SUMS_8(8)
                           : "l"(a), "l"(b));
  }
}
/// Keeps the compiler from taking what is done with the sums in front of the wait before it.
template <int packs>
__device__ inline void keep_behind_wait(float (&sums)[packs][4]) {
#pragma unroll
  for (int p = 0; p < packs; ++p) DUEL_GROUP_INSTRUCTION("" : DUEL_SUMS(p)::"memory");
}

#undef DUEL_BEGIN_PRODUCT
#undef DUEL_NAMES_64
#undef DUEL_NAMES_32
#undef DUEL_NAMES_8
#undef DUEL_SUMS_8
#undef DUEL_SUMS_2
#undef DUEL_SUMS
#undef DUEL_GROUP_INSTRUCTION

/// What a kernel was given of shared memory at its launch.
template <class T>
__device__ T* dynamic_shared() {
  extern __shared__ float4 given[];
  return reinterpret_cast<T*>(given);
}

}  // namespace duel::cuda
