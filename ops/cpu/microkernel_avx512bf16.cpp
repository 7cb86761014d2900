// The microkernels for AVX-512 whose products take bfloat16 factors (compiled with its flags; reached only
// through the table). One instruction multiplies two pairs in every lane and adds both products to a float32
// sum: twice the arithmetic of a float32 multiply-add.
#include <immintrin.h>

#include "ops/cpu/microkernel_avx512_pairs.h"
#include "ops/cpu/microkernel_templates.h"

namespace duel::cpu {
namespace {

struct Avx512Bf16 : Avx512Pairs {
  /// A row of pairs is the row of its numbers, each rounded.
  struct Bfloat {
    uint16_t bits;
  };
  using Avx512Pairs::store;
  using Avx512Pairs::store_part;
  static void store(Bfloat* p, Reg x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), round(x)); }
  static void store_part(Bfloat* p, Reg x, int64_t count) {
    _mm256_mask_storeu_epi16(p, lanes(count), round(x));
  }
  static __m256i round(Reg x) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)); }

  static void filter_row(const float* const* pixels, int64_t count, float* out, int64_t out_stride) {
    Packing<Avx512Bf16>::filter_pixels(
        pixels, count, [=](int i, int64_t c) { return reinterpret_cast<Bfloat*>(out + i * out_stride) + c; });
  }

  /// A lane of either factor is the pair of two steps.
  static Reg multiply_add(Reg left, Reg right, Reg sum) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(left), reinterpret_cast<__m512bh>(right));
  }

  static const float* pair_left_rows(float* left, int64_t rows, int64_t depth) {
    pair_columns(left, left_row_stride, rows, depth);
    return left;
  }
  static const float* pair_left_columns(float* left, int64_t rows, int64_t depth) {
    pair_rows(left, 16, depth, rows);
    return left;
  }
};

}  // namespace

extern const Microkernels avx512bf16_microkernels;
constinit const Microkernels avx512bf16_microkernels = [] {
  Microkernels table = Body<Avx512Bf16, 14>::table(Isa::Avx512);
  table.pair_left[0] = Avx512Bf16::pair_left_rows;
  table.pair_left[1] = Avx512Bf16::pair_left_columns;
  table.pair_right = Avx512Bf16::pair_panel;
  table.filter_row = Avx512Bf16::filter_row;
  return table;
}();

}  // namespace duel::cpu
