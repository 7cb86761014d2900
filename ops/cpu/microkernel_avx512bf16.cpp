// The microkernels for AVX-512 whose products take bfloat16 factors (compiled with its flags; reached only
// through the table). One instruction multiplies two pairs in every lane and adds both products to a float32
// sum: twice the arithmetic of a float32 multiply-add.
#include <immintrin.h>

#include "ops/cpu/microkernel_avx512_pairs.h"
#include "ops/cpu/microkernel_templates.h"

namespace duel::cpu {
namespace {

struct Avx512Bf16 : Avx512Pairs {
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
  return table;
}();

}  // namespace duel::cpu
