// The fast single-precision matrix product.
#pragma once

#include <cstdint>

#include "lib/write.h"
#include "ops/cpu/gemm_epilogue.h"

namespace duel::cpu {

/// c (m, n) = or += op(a) op(b), op(a) being (m, k) and op(b) (k, n); a is stored as (m, k), or (k, m) if
/// transposed, b as (k, n), or (n, k). All row by row without gaps. Any size may be 0. The epilogue's bias
/// has n elements. Throws Error for an activation with Write::Add.
void sgemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a,
           const float* b, float* c, Write write, const Epilogue& epilogue = {});

}  // namespace duel::cpu
