// Losses averaged over all elements, and their gradients.
#include "ops/cpu/cpu_kernels.h"
#include "ops/cpu/parallel.h"

namespace duel::cpu {

void CpuKernels::loss(const Loss& f, const Tensor& x, const Tensor& target, const Tensor& y) {
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const T *const in = x.data<T>(), *const wanted = target.data<T>();
    std::visit(
        [&](const auto& g) {
          const double total = parallel_sum(x.numel(), [&](int64_t begin, int64_t end) {
            double part = 0;
            for (int64_t i = begin; i < end; ++i) part += static_cast<double>(g.value(in[i], wanted[i]));
            return part;
          });
          *y.data<T>() = T(total / static_cast<double>(x.numel()));
        },
        f);
  });
}

void CpuKernels::loss_grad(const Loss& f, const Tensor& x, const Tensor& target, const Tensor& dy,
                           const Tensor& dx, Write write) {
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const T *const in = x.data<T>(), *const wanted = target.data<T>();
    const T scale = *dy.data<T>() / T(x.numel());
    T* const out = dx.data<T>();
    std::visit(
        [&](const auto& g) {
          parallel_for(x.numel(), [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i)
              out[i] = scale * g.grad(in[i], wanted[i]) + (write == Write::Add ? out[i] : T(0));
          });
        },
        f);
  });
}

}  // namespace duel::cpu
