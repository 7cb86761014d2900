// Losses averaged over all elements, and their gradients: the formula, its sum and the division in one go.
#include "cuda/accumulators.h"
#include "cuda/cuda_kernels.h"
#include "cuda/map.cuh"
#include "cuda/rows.cuh"

namespace duel::cuda {
namespace {

template <class T, class F>
struct LossUp {
  F f;
  using State = Sum<T>;
  struct Column {
    F f;
    DUEL_HOST_DEVICE void operator()(State& state, T x, T target) const { state.add(f.value(x, target)); }
  };
  DUEL_HOST_DEVICE Column column(int64_t) const { return {f}; }
};

template <class T>
struct StoreMean {
  double count;
  T* y;
  DUEL_HOST_DEVICE void operator()(int64_t, const Sum<double>& sum) const { *y = T(sum.total / count); }
};

template <class T, class F>
struct LossGrad {
  F f;
  T count;
  const T* dy;  // one number, on the device
  struct Bound {
    F f;
    T scale;
    DUEL_HOST_DEVICE T operator()(T x, T target) const { return scale * f.grad(x, target); }
  };
  DUEL_HOST_DEVICE Bound bind() const { return {f, *dy / count}; }
};

}  // namespace

void CudaKernels::loss(const Loss& f, const Tensor& x, const Tensor& target, const Tensor& y) {
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const T *const in = x.data<T>(), *const wanted = target.data<T>();
    const StoreMean<T> store{static_cast<double>(x.numel()), y.data<T>()};
    std::visit(
        [&]<class F>(const F& g) {
          reduce_rows(queue_, reductions_, x.numel(), 1, LossUp<T, F>{g}, store, in, wanted);
        },
        f);
  });
}

void CudaKernels::loss_grad(const Loss& f, const Tensor& x, const Tensor& target, const Tensor& dy,
                            const Tensor& dx, Write write) {
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const T *const in = x.data<T>(), *const wanted = target.data<T>(), *const scale = dy.data<T>();
    std::visit(
        [&]<class F>(const F& g) {
          map(queue_, x.numel(), LossGrad<T, F>{g, T(x.numel()), scale}, write, dx.data<T>(), in, wanted);
        },
        f);
  });
}

}  // namespace duel::cuda
