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
};

}  // namespace
}  // namespace duel::cpu
