#include <algorithm>
#include <bit>

#include "lib/bfloat16.h"
#include "tests/host_cuda/cublas_v2.h"

struct HostBlas {
  cudaStream_t stream = nullptr;
  cublasMath_t mode = CUBLAS_DEFAULT_MATH;
};

namespace {

using duel::Computed;

/// The number without the digits that TF32 does not have: what a card's instructions make of a float32 that
/// nobody rounded, and so the most that the library may lose.
float cut_to_tf32(float value) {
  return std::bit_cast<float>(std::bit_cast<uint32_t>(value) & ~uint32_t{(1 << 13) - 1});
}

/// How the factors of a product are rounded by each type of computation.
template <class T>
Computed<T> factor(T value, cublasComputeType_t compute) {
  if (compute == CUBLAS_COMPUTE_32F_FAST_TF32) return Computed<T>(cut_to_tf32(float(value)));
  if (compute == CUBLAS_COMPUTE_32F_FAST_16BF)
    return static_cast<Computed<T>>(float(duel::BFloat16(float(value))));
  return static_cast<Computed<T>>(value);
}

/// C (m, n) = alpha op(A) op(B) + beta C, all column-major; beta 0: C is not read.
template <class In, class Out>
struct Product {
  using T = Computed<Out>;
  bool transpose_a, transpose_b;
  int64_t m, n, k;
  T alpha;
  const In* a;
  int64_t lda;
  const In* b;
  int64_t ldb;
  T beta;
  Out* c;
  int64_t ldc;
  cublasComputeType_t compute;

  void operator()() const {
    for (int64_t column = 0; column < n; ++column) {
      for (int64_t row = 0; row < m; ++row) {
        T sum = 0;
        for (int64_t i = 0; i < k; ++i) {
          sum += factor(transpose_a ? a[row * lda + i] : a[i * lda + row], compute) *
                 factor(transpose_b ? b[i * ldb + column] : b[column * ldb + i], compute);
        }
        Out& target = c[column * ldc + row];
        target = Out(alpha * sum + (beta == T(0) ? T(0) : beta * static_cast<T>(target)));
      }
    }
  }
};

}  // namespace

const char* cublasGetStatusName(cublasStatus_t status) {
  return status == CUBLAS_STATUS_SUCCESS ? "CUBLAS_STATUS_SUCCESS" : "CUBLAS_STATUS_INVALID_VALUE";
}
const char* cublasGetStatusString(cublasStatus_t status) { return cublasGetStatusName(status); }
cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  if (host_cuda::machine_is("no-room-for-cublas")) return CUBLAS_STATUS_ALLOC_FAILED;
  *handle = new HostBlas;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetWorkspace(cublasHandle_t, void*, size_t) { return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  handle->mode = mode;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasGetVersion(cublasHandle_t, int* version) {
  *version = 130100;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmEx_64(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b,
                               int64_t m, int64_t n, int64_t k, const void* alpha, const void* a,
                               cudaDataType a_type, int64_t lda, const void* b, cudaDataType b_type,
                               int64_t ldb, const void* beta, void* c, cudaDataType c_type, int64_t ldc,
                               cublasComputeType_t compute, cublasGemmAlgo_t) {
  const bool transpose_a = op_a == CUBLAS_OP_T, transpose_b = op_b == CUBLAS_OP_T;
  const bool leading_fit = lda >= std::max<int64_t>(1, transpose_a ? k : m) &&
                           ldb >= std::max<int64_t>(1, transpose_b ? n : k) && ldc >= std::max<int64_t>(1, m);
  const bool of_doubles = a_type == CUDA_R_64F, of_bf16 = a_type == CUDA_R_16BF;
  const bool types_fit = a_type == b_type && (c_type == a_type || (of_bf16 && c_type == CUDA_R_32F)) &&
                         (compute == CUBLAS_COMPUTE_64F) == of_doubles &&
                         (!of_bf16 || compute == CUBLAS_COMPUTE_32F);
  // Not the library's rule, but ours: sums of bfloat16 products meet in float32.
  const bool sums_fit = !of_bf16 || handle->mode & CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION;
  if (m < 0 || n < 0 || k < 0 || !leading_fit || !types_fit || !sums_fit) return CUBLAS_STATUS_INVALID_VALUE;
  const auto run = [&]<class In, class Out>(In, Out) {
    using T = Computed<Out>;
    const Product<In, Out> product{transpose_a,
                                   transpose_b,
                                   m,
                                   n,
                                   k,
                                   *static_cast<const T*>(alpha),
                                   static_cast<const In*>(a),
                                   lda,
                                   static_cast<const In*>(b),
                                   ldb,
                                   *static_cast<const T*>(beta),
                                   static_cast<Out*>(c),
                                   ldc,
                                   compute};
    return host_cuda::enqueue(handle->stream, product);
  };
  const cudaError_t answer = of_doubles             ? run(double{}, double{})
                             : !of_bf16             ? run(float{}, float{})
                             : c_type == CUDA_R_32F ? run(duel::BFloat16{}, float{})
                                                    : run(duel::BFloat16{}, duel::BFloat16{});
  return answer == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}
