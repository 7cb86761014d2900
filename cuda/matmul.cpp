#include "cuda/matmul.h"

#include <cublas_v2.h>

#include <algorithm>
#include <type_traits>

#include "cuda/cuda_kernels.h"

namespace duel::cuda {
namespace {

// What cuBLAS asks for on the largest cards. Given to it, it allocates nothing by itself.
constexpr int64_t workspace_bytes = 32 << 20;

template <class T>
constexpr cudaDataType type_of = std::is_same_v<T, float>    ? CUDA_R_32F
                                 : std::is_same_v<T, double> ? CUDA_R_64F
                                                             : CUDA_R_16BF;

cublasComputeType_t compute_float(Precision precision) {
  switch (precision) {
    case Precision::Float32:
      break;
    case Precision::Tf32:
      return CUBLAS_COMPUTE_32F_FAST_TF32;
    case Precision::Bf16:
      return CUBLAS_COMPUTE_32F_FAST_16BF;
  }
  return CUBLAS_COMPUTE_32F;
}

}  // namespace

/// What DUEL_CUDA calls with cuBLAS's answers, as expect() in cuda/errors.h with the runtime's.
static void expect(cublasStatus_t answer, const char* call) {
  if (answer == CUBLAS_STATUS_ALLOC_FAILED) fail_for_memory(call);
  if (answer != CUBLAS_STATUS_SUCCESS)
    fail_call(call, cublasGetStatusString(answer), cublasGetStatusName(answer));
}

/// cuBLAS for one lane of the queue.
struct Blas::Lane {
  Lane(const Queue& queue, CachingAllocator& allocator) : workspace(allocator, workspace_bytes) {
    const cudaStream_t stream = queue.stream();
    // It takes memory of its own, which the allocator may have kept.
    if (cublasCreate(&handle) != CUBLAS_STATUS_SUCCESS) {
      allocator.trim();
      DUEL_CUDA(cublasCreate(&handle));
    }
    DUEL_CUDA(cublasSetStream(handle, stream));
    DUEL_CUDA(cublasSetWorkspace(handle, workspace.data(), workspace_bytes));
    // Left alone, the parts of a sum that is split may meet in the type of the result, bfloat16 say.
    DUEL_CUDA(cublasSetMathMode(
        handle,
        static_cast<cublasMath_t>(CUBLAS_DEFAULT_MATH | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION)));
  }
  ~Lane() { cublasDestroy(handle); }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  Scratch<char> workspace;
  cublasHandle_t handle = nullptr;
};

Blas::Blas(const Queue& queue, CachingAllocator& allocator) : queue_(queue), allocator_(allocator) {
  lane();  // whether there is cuBLAS shows at once
}
Blas::~Blas() = default;

const Blas::Lane& Blas::lane() const {
  std::unique_ptr<Lane>& lane = lanes_[queue_.lane()];
  if (!lane) lane = std::make_unique<Lane>(queue_, allocator_);
  return *lane;
}

void Blas::set_precision(Precision precision) { precision_ = precision; }

// cuBLAS is column-major, where our row-major y is y^T: it computes y^T = op(b)^T op(a)^T.
template <class In, class Out>
void Blas::matmul(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const In* a,
                  const In* b, Out* y, Write write) const {
  using Scalar = Computed<Out>;
  const cublasComputeType_t compute = std::is_same_v<In, double>     ? CUBLAS_COMPUTE_64F
                                      : std::is_same_v<In, BFloat16> ? CUBLAS_COMPUTE_32F
                                                                     : compute_float(precision_);
  if (m == 0 || n == 0) return;
  const Scalar alpha = 1, beta = write == Write::Add ? 1 : 0;
  const auto leading = [](int64_t columns) { return std::max<int64_t>(1, columns); };
  queue_.stream();
  DUEL_CUDA(cublasGemmEx_64(lane().handle, transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N,
                            transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N, n, m, k, &alpha, b, type_of<In>,
                            leading(transpose_b ? k : n), a, type_of<In>, leading(transpose_a ? m : k), &beta,
                            y, type_of<Out>, n, compute, CUBLAS_GEMM_DEFAULT));
}

template void Blas::matmul(bool, bool, int64_t, int64_t, int64_t, const float*, const float*, float*,
                           Write) const;
template void Blas::matmul(bool, bool, int64_t, int64_t, int64_t, const double*, const double*, double*,
                           Write) const;
template void Blas::matmul(bool, bool, int64_t, int64_t, int64_t, const BFloat16*, const BFloat16*, BFloat16*,
                           Write) const;
template void Blas::matmul(bool, bool, int64_t, int64_t, int64_t, const BFloat16*, const BFloat16*, float*,
                           Write) const;

std::string Blas::description() const {
  int version = 0;
  DUEL_CUDA(cublasGetVersion(lane().handle, &version));
  return concat("cuBLAS ", version / 10000, ".", version / 100 % 100, ".", version % 100);
}

void CudaKernels::gemm(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b, const Tensor& y,
                       Write write) {
  const auto multiply = [&]<class In, class Out>(In, Out) {
    blas_.matmul<In, Out>(transpose_a, transpose_b, y.dim(0), y.dim(1), a.dim(transpose_a ? 0 : 1),
                          a.data<In>(), b.data<In>(), y.data<Out>(), write);
  };
  if (a.dtype() != DType::BFloat16)
    return dispatch_float(a.dtype(), [&](auto type) { multiply(type, type); });
  if (y.dtype() == DType::BFloat16) return multiply(BFloat16{}, BFloat16{});
  multiply(BFloat16{}, float{});
}

}  // namespace duel::cuda
