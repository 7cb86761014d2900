// The matrix product by OpenBLAS.
#pragma once

#include <cstdint>

#include "lib/write.h"

namespace duel::cpu {

/// y (m, n) = op(a) op(b) or +=, all row-major and contiguous; op(a) is (m, k), op(b) is (k, n).
template <class T>
void matmul(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, const T* b, T* y,
            Write write);

}  // namespace duel::cpu
