#include "ops/cpu/gemm.h"

#include "lib/error.h"
#include "ops/cpu/gemm_multiply.h"

namespace duel::cpu {

void sgemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a,
           const float* b, float* c, Write write, const Epilogue& epilogue) {
  check_epilogue("[gemm]", epilogue, write);
  if (m == 0 || n == 0) return;
  const TransposedLeft a_columns(a, m);
  const PatchesLeft a_rows(matrix_patches(a, m, k));
  const TransposedRight b_columns(b, k);
  const MatrixRight b_rows(b, n);
  const Product product{.m = m,
                        .n = n,
                        .k = k,
                        .a = transpose_a ? static_cast<const LeftOperand*>(&a_columns) : &a_rows,
                        .b = transpose_b ? static_cast<const RightOperand*>(&b_columns) : &b_rows,
                        .c = matrix_rows(c, n),
                        .accumulate = write == Write::Add,
                        .epilogue = epilogue};
  multiply({&product, 1});
}

}  // namespace duel::cpu
