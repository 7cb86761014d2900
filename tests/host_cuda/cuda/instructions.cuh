// A stand-in for the header of this name: see cuda_runtime.h beside this folder. Lanes of a warp hold what
// the PTX ISA says they hold, and what a warp does together is done when all of its lanes have come to the
// next barrier: until then the sums are not to be read.
#pragma once

#include <cstdint>

#include "tests/host_cuda/cuda_runtime.h"

namespace host_cuda {

/// Copies when the thread waits for it, or at once, as chance has it: a card may do either.
void copy_async(void* shared, const void* source, int bytes, bool valid);
void end_copy_group();
void wait_copies(int groups);

enum class Factors { Tf32, Bf16 };
void multiply(Factors factors, float* sums, const uint32_t* a, const uint32_t* b);

/// A row that a card could load: it begins on 16 bytes.
void check_row(const void* row);
/// The word of two elements of two bytes that lie in shared memory at `low` and `high`.
uint32_t load_pair(const void* low, const void* high);
void* dynamic_shared();

// Products of a warpgroup: made when they are waited for, or at once, as chance has it.
uint32_t shared_address(const void* shared);
void show_copies_to_group();
void begin_group_products();
void end_group_products();
void wait_group_products(int groups);
/// Of (64, k) and (k, columns), k being 16 of bfloat16 or 8 of TF32; the thread's sums are `columns` / 2.
void multiply_group(Factors factors, float* sums, int columns, uint64_t a, uint64_t b, bool a_across,
                    bool b_across);

}  // namespace host_cuda

namespace duel::cuda {

template <int bytes>
void copy_async(void* shared, const void* source, bool valid) {
  static_assert(bytes == 4 || bytes == 16);
  host_cuda::copy_async(shared, source, bytes, valid);
}
inline void end_copy_group() { host_cuda::end_copy_group(); }
template <int groups>
void wait_copies() {
  host_cuda::wait_copies(groups);
}

template <bool transposed, class RowOf>
void load_matrices(uint32_t (&words)[4], const RowOf& row_of) {
  const int lane = static_cast<int>(threadIdx.x) % 32, line = lane / 4, first = lane % 4 * 2;
  host_cuda::check_row(row_of(lane));
  for (int i = 0; i < 4; ++i) {
    const auto element = [&](int row, int column) { return row_of(8 * i + row) + column; };
    words[i] = transposed ? host_cuda::load_pair(element(first, line), element(first + 1, line))
                          : host_cuda::load_pair(element(line, first), element(line, first + 1));
  }
}

inline uint32_t round_to_tf32(float x) {
  if (x != x) return 0x7fffe000;  // the sum below could make a number of it
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return (bits + 0x1000) & ~uint32_t{0x1fff};
}
inline float rounded_to_tf32(float x) {
  const uint32_t bits = round_to_tf32(x);
  float rounded;
  std::memcpy(&rounded, &bits, sizeof(rounded));
  return rounded;
}
inline void multiply_tf32(float (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  host_cuda::multiply(host_cuda::Factors::Tf32, sums, a, b);
}
inline void multiply_bf16(float (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  host_cuda::multiply(host_cuda::Factors::Bf16, sums, a, b);
}

inline uint32_t shared_address(const void* shared) { return host_cuda::shared_address(shared); }
inline void show_copies_to_group() { host_cuda::show_copies_to_group(); }
inline void begin_group_products() { host_cuda::begin_group_products(); }
inline void end_group_products() { host_cuda::end_group_products(); }
template <int groups>
void wait_group_products() {
  host_cuda::wait_group_products(groups);
}
template <bool a_across, bool b_across, int packs>
void multiply_group_bf16(float (&sums)[packs][4], uint64_t a, uint64_t b) {
  host_cuda::multiply_group(host_cuda::Factors::Bf16, &sums[0][0], 8 * packs, a, b, a_across, b_across);
}
template <int packs>
void multiply_group_tf32(float (&sums)[packs][4], uint64_t a, uint64_t b) {
  host_cuda::multiply_group(host_cuda::Factors::Tf32, &sums[0][0], 8 * packs, a, b, false, false);
}
template <int packs>
void keep_behind_wait(float (&)[packs][4]) {}

template <class T>
T* dynamic_shared() {
  return static_cast<T*>(host_cuda::dynamic_shared());
}

}  // namespace duel::cuda
