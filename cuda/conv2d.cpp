// The three kernels of convolution on the stored im2col matrix, unless told otherwise. With X = im2col(x),
// (gemm_m, gemm_k), and the weight W as (oc, gemm_k):
//     y = X W^T          dX = dy W, dx = col2im(dX)          dW = dy^T X
// The pictures are taken some at a time, so that X stays within a fixed amount of memory.
#include <algorithm>

#include "cuda/conv2d_implicit.h"
#include "cuda/conv2d_patches.h"
#include "cuda/cuda_kernels.h"
#include "cuda/epilogue.h"
#include "cuda/im2col.h"

namespace duel::cuda {
namespace {

constexpr int64_t columns_bytes = 256 << 20;

/// Calls body(part, first picture, columns) for consecutive parts of the batch.
template <class T, class Body>
void for_each_part(CachingAllocator& allocator, const Conv2dShape& shape, const Body& body) {
  if (shape.n == 0) return;
  const int64_t bytes = shape.oh * shape.ow * shape.gemm_k() * static_cast<int64_t>(sizeof(T));
  Conv2dShape part = shape;
  part.n = std::clamp<int64_t>(columns_bytes / std::max<int64_t>(1, bytes), 1, shape.n);
  const Scratch<T> columns(allocator, part.gemm_m() * part.gemm_k());
  for (int64_t first = 0; first < shape.n; first += part.n) {
    part.n = std::min(part.n, shape.n - first);
    body(part, first, columns.data());
  }
}

int64_t x_size(const Conv2dShape& s) { return s.ih * s.iw * s.ic; }
int64_t y_size(const Conv2dShape& s) { return s.oh * s.ow * s.oc; }

}  // namespace

bool CudaKernels::implicit(const Conv2dShape& shape, DType dtype) const {
  const bool has_product =
      dtype == DType::BFloat16 || (dtype == DType::Float32 && precision_ != Precision::Bf16);
  return conv_algorithm() != ConvAlgorithm::Im2col && has_product && fits_implicit(shape);
}

void CudaKernels::conv2d_fprop(const Conv2dShape& shape, const Tensor& x, const Tensor& weight,
                               const Tensor& y, Write write) {
  if (implicit(shape, x.dtype()))
    return conv2d_fprop_implicit(queue_, allocator_, precision_, shape, x, weight, y, write);
  dispatch_stored_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    for_each_part<T>(allocator_, shape, [&](const Conv2dShape& part, int64_t first, T* columns) {
      im2col<T>(queue_, part, x.data<T>() + first * x_size(shape), columns);
      blas_.matmul<T, T>(false, true, part.gemm_m(), part.gemm_n(), part.gemm_k(), columns, weight.data<T>(),
                         y.data<T>() + first * y_size(shape), write);
    });
  });
}

void CudaKernels::conv2d_dgrad(const Conv2dShape& shape, const Tensor& dy, const Tensor& weight,
                               const Tensor& dx, Write write) {
  if (implicit(shape, dy.dtype()))
    return conv2d_dgrad_implicit(queue_, allocator_, precision_, shape, dy, weight, dx, write);
  dispatch_stored_float(dy.dtype(), [&](auto type) {
    using T = decltype(type);
    using Sum = Computed<T>;  // an element of dx is the sum of several of the matrix
    for_each_part<Sum>(allocator_, shape, [&](const Conv2dShape& part, int64_t first, Sum* columns) {
      blas_.matmul<T, Sum>(false, false, part.gemm_m(), part.gemm_k(), part.gemm_n(),
                           dy.data<T>() + first * y_size(shape), weight.data<T>(), columns, Write::Set);
      col2im<T>(queue_, part, columns, dx.data<T>() + first * x_size(shape), write);
    });
  });
}

void CudaKernels::conv2d_wgrad(const Conv2dShape& shape, const Tensor& x, const Tensor& dy, const Tensor& dw,
                               Write write) {
  if (implicit(shape, x.dtype()))
    return conv2d_wgrad_implicit(queue_, reductions_, precision_, shape, x, dy, dw, write);
  if (write == Write::Set) fill(dw, 0);
  dispatch_stored_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    using Sum = Computed<T>;
    for_each_part<T>(allocator_, shape, [&](const Conv2dShape& part, int64_t first, T* columns) {
      im2col<T>(queue_, part, x.data<T>() + first * x_size(shape), columns);
      blas_.matmul<T, Sum>(true, false, part.gemm_n(), part.gemm_k(), part.gemm_m(),
                           dy.data<T>() + first * y_size(shape), columns, dw.data<Sum>(), Write::Add);
    });
  });
}

// On the stored matrix, what comes behind the product takes a pass of its own, but one for bias and
// activation together.
void CudaKernels::conv2d_fprop_fused(const Conv2dShape& shape, const Tensor& x, const Tensor& weight,
                                     const Tensor* bias, const Unary* f, const Tensor& y) {
  const auto epilogue = epilogue_of(bias, f, x.dtype());
  if (!epilogue) return Kernels::conv2d_fprop_fused(shape, x, weight, bias, f, y);
  if (implicit(shape, x.dtype())) {
    return conv2d_fprop_implicit(queue_, allocator_, precision_, shape, x, weight, y, Write::Set, *epilogue);
  }
  conv2d_fprop(shape, x, weight, y, Write::Set);
  apply_epilogue(queue_, shape.gemm_m(), shape.oc, *epilogue, y);
}

void CudaKernels::conv2d_dgrad_fused(const Conv2dShape& shape, const Tensor& dy, const Tensor& weight,
                                     const Tensor* bias, const Unary* f, const Tensor& dx) {
  const auto epilogue = epilogue_of(bias, f, dy.dtype());
  if (!epilogue) return Kernels::conv2d_dgrad_fused(shape, dy, weight, bias, f, dx);
  if (implicit(shape, dy.dtype())) {
    return conv2d_dgrad_implicit(queue_, allocator_, precision_, shape, dy, weight, dx, Write::Set,
                                 *epilogue);
  }
  conv2d_dgrad(shape, dy, weight, dx, Write::Set);
  apply_epilogue(queue_, shape.n * shape.ih * shape.iw, shape.ic, *epilogue, dx);
}

}  // namespace duel::cuda
