#include "cuda/matmul.h"

#include <algorithm>
#include <type_traits>

#include "cuda/cuda_kernels.h"

namespace duel::cuda {
namespace {

// What cuBLAS asks for on the largest cards. Given to it, it allocates nothing by itself.
constexpr int64_t workspace_bytes = 32 << 20;

}  // namespace

Blas::Blas(const Queue& queue, CachingAllocator& allocator)
    : queue_(queue), workspace_(allocator, workspace_bytes) {
  const cudaStream_t stream = queue.stream();
  DUEL_CUDA(cublasCreate(&handle_));
  DUEL_CUDA(cublasSetStream(handle_, stream));
  DUEL_CUDA(cublasSetWorkspace(handle_, workspace_.data(), workspace_bytes));
}

Blas::~Blas() { cublasDestroy(handle_); }

void Blas::set_precision(Precision precision) {
  switch (precision) {
    case Precision::Float32:
      compute_float_ = CUBLAS_COMPUTE_32F;
      break;
    case Precision::Tf32:
      compute_float_ = CUBLAS_COMPUTE_32F_FAST_TF32;
      break;
    case Precision::Bf16:
      compute_float_ = CUBLAS_COMPUTE_32F_FAST_16BF;
      break;
  }
}

// cuBLAS is column-major, where our row-major y is y^T: it computes y^T = op(b)^T op(a)^T.
template <class T>
void Blas::matmul(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const T* a, const T* b,
                  T* y, Write write) const {
  constexpr bool single = std::is_same_v<T, float>;
  constexpr cudaDataType type = single ? CUDA_R_32F : CUDA_R_64F;
  const cublasComputeType_t compute = single ? compute_float_ : CUBLAS_COMPUTE_64F;
  if (m == 0 || n == 0) return;
  const T alpha = T(1), beta = write == Write::Add ? T(1) : T(0);
  const auto leading = [](int64_t columns) { return std::max<int64_t>(1, columns); };
  queue_.stream();
  DUEL_CUDA(cublasGemmEx_64(handle_, transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N,
                            transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N, n, m, k, &alpha, b, type,
                            leading(transpose_b ? k : n), a, type, leading(transpose_a ? m : k), &beta, y,
                            type, n, compute, CUBLAS_GEMM_DEFAULT));
}

template void Blas::matmul(bool, bool, int64_t, int64_t, int64_t, const float*, const float*, float*,
                           Write) const;
template void Blas::matmul(bool, bool, int64_t, int64_t, int64_t, const double*, const double*, double*,
                           Write) const;

std::string Blas::description() const {
  int version = 0;
  DUEL_CUDA(cublasGetVersion(handle_, &version));
  return concat("cuBLAS ", version / 10000, ".", version / 100 % 100, ".", version % 100);
}

void CudaKernels::gemm(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b, const Tensor& y,
                       Write write) {
  const int64_t k = a.dim(transpose_a ? 0 : 1);
  dispatch_float(y.dtype(), [&](auto type) {
    using T = decltype(type);
    blas_.matmul<T>(transpose_a, transpose_b, y.dim(0), y.dim(1), k, a.data<T>(), b.data<T>(), y.data<T>(),
                    write);
  });
}

}  // namespace duel::cuda
