// The vector type of AVX2 as the templates take it. Only for files compiled with its flags; the unnamed
// namespace keeps all of it inside the file.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace duel::cpu {
namespace {

struct Avx2 {
  using Reg = __m256;
  typedef int32_t Int __attribute__((vector_size(32)));
  static constexpr int64_t width = 8;

  static __m256i lanes(int64_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static Reg load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, Reg x) { _mm256_storeu_ps(p, x); }
  static Reg load_part(const float* p, int64_t count) { return _mm256_maskload_ps(p, lanes(count)); }
  /// Not a masked store, for which AMD's processors take several times as long as for a plain one.
  static void store_part(float* p, Reg x, int64_t count) {
    __m128 part = _mm256_castps256_ps128(x);
    if (count & 4) {
      _mm_storeu_ps(p, part);
      part = _mm256_extractf128_ps(x, 1);
      p += 4;
    }
    if (count & 2) {
      _mm_storel_pi(reinterpret_cast<__m64*>(p), part);
      part = _mm_movehl_ps(part, part);
      p += 2;
    }
    if (count & 1) _mm_store_ss(p, part);
  }
  static Reg broadcast(float x) { return _mm256_set1_ps(x); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_ps(a, b, c); }
  static Reg multiply_add(Reg left, Reg right, Reg sum) { return fma(left, right, sum); }
};

}  // namespace
}  // namespace duel::cpu
