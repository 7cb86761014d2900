// The vectors of AVX-512 as microkernel_templates.h takes them. Only for files compiled with its flags; like
// there, the unnamed namespace keeps all of it inside the file.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace duel::cpu {
namespace {

struct Avx512 {
  using Reg = __m512;
  typedef int32_t Int __attribute__((vector_size(64)));
  static constexpr int64_t width = 16;

  static __mmask16 lanes(int64_t count) { return static_cast<__mmask16>((1u << count) - 1); }
  static Reg load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Reg x) { _mm512_storeu_ps(p, x); }
  static Reg load_part(const float* p, int64_t count) { return _mm512_maskz_loadu_ps(lanes(count), p); }
  static void store_part(float* p, Reg x, int64_t count) { _mm512_mask_storeu_ps(p, lanes(count), x); }
  static Reg broadcast(float x) { return _mm512_set1_ps(x); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
  static Reg multiply_add(Reg left, Reg right, Reg sum) { return fma(left, right, sum); }

  /// out[c * out_stride + r] = in[r * in_stride + c] for 16 rows and columns.
  static void transpose_square(const float* in, int64_t in_stride, float* out, int64_t out_stride) {
    Reg x[16], y[16];
#pragma GCC unroll 16
    for (int r = 0; r < 16; ++r) x[r] = load(in + r * in_stride);
      // Rows are merged by ones, by twos, and by fours and eights: a lane of 128 bits, then all of a row is
      // filled.
#pragma GCC unroll 8
    for (int r = 0; r < 16; r += 2) {
      y[r] =
          __builtin_shufflevector(x[r], x[r + 1], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
      y[r + 1] =
          __builtin_shufflevector(x[r], x[r + 1], 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
    }
#pragma GCC unroll 4
    for (int r = 0; r < 16; r += 4) {
      x[r] = low_halves(y[r], y[r + 2]);
      x[r + 1] = high_halves(y[r], y[r + 2]);
      x[r + 2] = low_halves(y[r + 1], y[r + 3]);
      x[r + 3] = high_halves(y[r + 1], y[r + 3]);
    }
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) {
      const Reg even_first = even_lanes(x[c], x[4 + c]), odd_first = odd_lanes(x[c], x[4 + c]),
                even_last = even_lanes(x[8 + c], x[12 + c]), odd_last = odd_lanes(x[8 + c], x[12 + c]);
      store(out + c * out_stride, even_lanes(even_first, even_last));
      store(out + (4 + c) * out_stride, even_lanes(odd_first, odd_last));
      store(out + (8 + c) * out_stride, odd_lanes(even_first, even_last));
      store(out + (12 + c) * out_stride, odd_lanes(odd_first, odd_last));
    }
  }
  /// Of each lane of 128 bits of both, the lower or the upper 64 bits.
  static Reg low_halves(Reg a, Reg b) {
    return __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
  }
  static Reg high_halves(Reg a, Reg b) {
    return __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  }
  /// Lanes of 128 bits: 0 and 2, or 1 and 3, of both.
  static Reg even_lanes(Reg a, Reg b) {
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
  }
  static Reg odd_lanes(Reg a, Reg b) {
    return __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
  }
};

}  // namespace
}  // namespace duel::cpu
