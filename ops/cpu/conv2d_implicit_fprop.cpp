// fprop as one product: rows = output pixels, depth = taps times input channels, columns = output channels.
// The rows of A are patches of x, whose tap rows are runs of memory; B is the transposed weight.
#include "lib/error.h"
#include "ops/cpu/conv2d_implicit.h"
#include "ops/cpu/conv2d_implicit_patches.h"
#include "ops/cpu/gemm_multiply.h"

namespace duel::cpu {

void conv2d_fprop_implicit(const Conv2dShape& shape, const float* x, const float* weight,
                           const Epilogue& epilogue, float* y, Write write) {
  check_epilogue("[conv2d_fprop]", epilogue, write);
  if (shape.gemm_m() == 0 || shape.oc == 0) return;
  const PatchesLeft a(input_patches(shape, x));
  const TransposedRight b(weight, shape.gemm_k());
  const Product product{.m = shape.gemm_m(),
                        .n = shape.oc,
                        .k = shape.gemm_k(),
                        .a = &a,
                        .b = &b,
                        .c = matrix_rows(y, shape.oc),
                        .accumulate = write == Write::Add,
                        .epilogue = epilogue};
  multiply({&product, 1});
}

}  // namespace duel::cpu
