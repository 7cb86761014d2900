// Packed floats become pairs of bfloat16 numbers, two steps of the depth in the place of a float. Only for
// files compiled with AVX512-BF16.
#pragma once

#include <immintrin.h>

#include "ops/cpu/microkernel_avx512.h"

namespace duel::cpu {
namespace {

struct Avx512Pairs : Avx512 {
  static __m512bh round(Reg low, Reg high) { return _mm512_cvtne2ps_pbh(high, low); }

  static void pair_columns(float* rows, int64_t stride, int64_t count, int64_t steps) {
    for (int64_t r = 0; r < count; ++r) {
      float* const row = rows + r * stride;
      const auto load = [&](int64_t k) {
        return steps - k >= width ? Avx512::load(row + k)
                                  : Avx512::load_part(row + k, steps > k ? steps - k : 0);
      };
      for (int64_t k = 0; k < steps; k += 2 * width)
        store(row + k / 2, reinterpret_cast<Reg>(round(load(k), load(k + width))));
    }
  }

  static void pair_rows(float* rows, int64_t stride, int64_t steps, int64_t columns) {
    const __m512i interleaved = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
                                                 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    for (int64_t k = 0; k < steps; k += 2) {
      const float* const even = rows + k * stride;
      float* const out = rows + k / 2 * stride;
      for (int64_t c = 0; c < columns; c += width) {
        const int64_t count = columns - c < width ? columns - c : width;
        const Reg low = load_part(even + c, count);
        const Reg high = k + 1 < steps ? load_part(even + stride + c, count) : Reg{};
        const __m512i pairs =
            _mm512_permutexvar_epi16(interleaved, reinterpret_cast<__m512i>(round(low, high)));
        store_part(out + c, reinterpret_cast<Reg>(pairs), count);
      }
    }
  }

  static void pair_panel(float* panel, int64_t depth) { pair_rows(panel, 2 * width, depth, 2 * width); }
};

}  // namespace
}  // namespace duel::cpu
