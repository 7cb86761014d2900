// The three kernels of convolution on the stored im2col matrix. With X = im2col(x), (gemm_m, gemm_k), and the
// weight W as (oc, gemm_k):
//     y = X W^T          dX = dy W, dx = col2im(dX)          dW = dy^T X
// The pictures are taken a few at a time, so that X stays within a fixed amount of memory.
#include <algorithm>
#include <optional>

#include "ops/cpu/conv2d_filtered.h"
#include "ops/cpu/conv2d_implicit.h"
#include "ops/cpu/cpu_kernels.h"
#include "ops/cpu/im2col.h"
#include "ops/cpu/matmul.h"

namespace duel::cpu {
namespace {

constexpr int64_t columns_bytes = 64 << 20;

/// Calls body(part, first picture, columns) for consecutive parts of the batch.
template <class T, class Body>
void for_each_part(const Conv2dShape& shape, const Body& body) {
  if (shape.n == 0) return;
  const int64_t bytes = shape.oh * shape.ow * shape.gemm_k() * static_cast<int64_t>(sizeof(T));
  Conv2dShape part = shape;
  part.n = std::clamp<int64_t>(columns_bytes / std::max<int64_t>(1, bytes), 1, shape.n);
  const Tensor columns = Tensor::empty({part.gemm_m(), part.gemm_k()}, dtype_of<T>());
  for (int64_t first = 0; first < shape.n; first += part.n) {
    part.n = std::min(part.n, shape.n - first);
    body(part, first, columns.data<T>());
  }
}

/// What the products do with their results themselves; nothing where `f` is a function that they do not know.
std::optional<Epilogue> epilogue_of(const Tensor* bias, const Unary* f) {
  const auto activation = fused_activation(f);
  if (!activation) return {};
  Epilogue epilogue{.bias = bias ? bias->data<float>() : nullptr, .activation = *activation};
  if (const auto* leaky = std::get_if<LeakyRelu>(f))
    epilogue.negative_slope = static_cast<float>(leaky->negative_slope);
  return epilogue;
}

/// Which of the fast kernels takes a shape, where minimal filtering is allowed or not.
auto fprop_of(const Conv2dShape& shape, bool filtered) {
  return filtered && filtered_fprop_pays(shape) ? conv2d_fprop_filtered : conv2d_fprop_implicit;
}
auto dgrad_of(const Conv2dShape& shape, bool filtered) {
  return filtered && filtered_dgrad_pays(shape) ? conv2d_dgrad_filtered : conv2d_dgrad_implicit;
}

int64_t x_size(const Conv2dShape& s) { return s.ih * s.iw * s.ic; }
int64_t y_size(const Conv2dShape& s) { return s.oh * s.ow * s.oc; }

}  // namespace

void CpuKernels::conv2d_fprop(const Conv2dShape& shape, const Tensor& x, const Tensor& weight,
                              const Tensor& y, Write write) {
  if (implicit(x.dtype())) {
    const auto fprop = fprop_of(shape, filtered());
    return fprop(shape, x.data<float>(), weight.data<float>(), {}, y.data<float>(), write);
  }
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    for_each_part<T>(shape, [&](const Conv2dShape& part, int64_t first, T* columns) {
      im2col(part, x.data<T>() + first * x_size(shape), columns);
      matmul(false, true, part.gemm_m(), part.gemm_n(), part.gemm_k(), columns, weight.data<T>(),
             y.data<T>() + first * y_size(shape), write);
    });
  });
}

void CpuKernels::conv2d_dgrad(const Conv2dShape& shape, const Tensor& dy, const Tensor& weight,
                              const Tensor& dx, Write write) {
  if (implicit(dy.dtype())) {
    const auto dgrad = dgrad_of(shape, filtered());
    return dgrad(shape, dy.data<float>(), weight.data<float>(), {}, dx.data<float>(), write);
  }
  if (write == Write::Set) fill(dx, 0);
  dispatch_float(dy.dtype(), [&](auto type) {
    using T = decltype(type);
    for_each_part<T>(shape, [&](const Conv2dShape& part, int64_t first, T* columns) {
      matmul(false, false, part.gemm_m(), part.gemm_k(), part.gemm_n(), dy.data<T>() + first * y_size(shape),
             weight.data<T>(), columns, Write::Set);
      col2im(part, columns, dx.data<T>() + first * x_size(shape));
    });
  });
}

void CpuKernels::conv2d_wgrad(const Conv2dShape& shape, const Tensor& x, const Tensor& dy, const Tensor& dw,
                              Write write) {
  if (implicit(x.dtype())) {
    const auto wgrad =
        filtered() && filtered_wgrad_pays(shape) ? conv2d_wgrad_filtered : conv2d_wgrad_implicit;
    return wgrad(shape, x.data<float>(), dy.data<float>(), dw.data<float>(), write);
  }
  if (write == Write::Set) fill(dw, 0);
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    for_each_part<T>(shape, [&](const Conv2dShape& part, int64_t first, T* columns) {
      im2col(part, x.data<T>() + first * x_size(shape), columns);
      matmul(true, false, part.gemm_n(), part.gemm_k(), part.gemm_m(), dy.data<T>() + first * y_size(shape),
             columns, dw.data<T>(), Write::Add);
    });
  });
}

void CpuKernels::conv2d_fprop_fused(const Conv2dShape& shape, const Tensor& x, const Tensor& weight,
                                    const Tensor* bias, const Unary* f, const Tensor& y) {
  if (implicit(x.dtype())) {
    const auto fprop = fprop_of(shape, filtered());
    if (const auto epilogue = epilogue_of(bias, f))
      return fprop(shape, x.data<float>(), weight.data<float>(), *epilogue, y.data<float>(), Write::Set);
  }
  Kernels::conv2d_fprop_fused(shape, x, weight, bias, f, y);
}

void CpuKernels::conv2d_dgrad_fused(const Conv2dShape& shape, const Tensor& dy, const Tensor& weight,
                                    const Tensor* bias, const Unary* f, const Tensor& dx) {
  if (implicit(dy.dtype())) {
    const auto dgrad = dgrad_of(shape, filtered());
    if (const auto epilogue = epilogue_of(bias, f))
      return dgrad(shape, dy.data<float>(), weight.data<float>(), *epilogue, dx.data<float>(), Write::Set);
  }
  Kernels::conv2d_dgrad_fused(shape, dy, weight, bias, f, dx);
}

}  // namespace duel::cpu
