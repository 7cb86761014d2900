#include "ops/cpu/matmul.h"

#include <cblas.h>

#include "lib/error.h"
#include "ops/cpu/cpu_kernels.h"
#include "ops/cpu/gemm.h"

namespace duel::cpu {
namespace {

void blas(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, const float* a, int lda,
          const float* b, int ldb, float beta, float* y) {
  cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1.0f, a, lda, b, ldb, beta, y, n);
}

void blas(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, const double* a, int lda,
          const double* b, int ldb, double beta, double* y) {
  cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, 1.0, a, lda, b, ldb, beta, y, n);
}

}  // namespace

template <class T>
void matmul(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, const T* b, T* y,
            Write write) {
  constexpr int64_t limit = 2147483647;
  check(m <= limit && n <= limit && k <= limit, "[matmul] sizes ", m, " x ", n, " x ", k,
        " exceed what BLAS can index");
  const auto size = [](int64_t value) { return static_cast<int>(value); };
  blas(transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans, size(m), size(n),
       size(k), a, size(transpose_a ? m : k), b, size(transpose_b ? k : n), write == Write::Add ? T(1) : T(0),
       y);
}

template void matmul(bool, bool, int64_t, int64_t, int64_t, const float*, const float*, float*, Write);
template void matmul(bool, bool, int64_t, int64_t, int64_t, const double*, const double*, double*, Write);

void CpuKernels::gemm(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b, const Tensor& y,
                      Write write) {
  const int64_t k = a.dim(transpose_a ? 0 : 1);
  if (implicit(y.dtype())) {
    return sgemm(transpose_a, transpose_b, y.dim(0), y.dim(1), k, a.data<float>(), b.data<float>(),
                 y.data<float>(), write);
  }
  dispatch_float(y.dtype(), [&](auto type) {
    using T = decltype(type);
    matmul(transpose_a, transpose_b, y.dim(0), y.dim(1), k, a.data<T>(), b.data<T>(), y.data<T>(), write);
  });
}

}  // namespace duel::cpu
