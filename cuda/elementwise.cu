// The functors of lib/functors.h over all elements; see map.cuh for how.
#include "cuda/cuda_kernels.h"
#include "cuda/map.cuh"

namespace duel::cuda {
namespace {

template <class F>
struct ValueOf {
  F f;
  template <class T>
  DUEL_HOST_DEVICE T operator()(T x) const {
    return f.value(x);
  }
  template <class T>
  DUEL_HOST_DEVICE T operator()(T a, T b) const {
    return f.value(a, b);
  }
};

template <class F>
struct GradOf {
  F f;
  template <class T>
  DUEL_HOST_DEVICE T operator()(T saved, T dy) const {
    return f.grad(saved, dy);
  }
};

template <class T>
struct ScaledProduct {
  T factor;
  DUEL_HOST_DEVICE T operator()(T a) const { return factor * a; }
  DUEL_HOST_DEVICE T operator()(T a, T b) const { return factor * a * b; }
};

}  // namespace

void CudaKernels::unary(const Unary& f, const Tensor& x, const Tensor& y) {
  dispatch_stored_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const T* const in = x.data<T>();
    std::visit([&](const auto& g) { map(queue_, x.numel(), ValueOf{g}, Write::Set, y.data<T>(), in); }, f);
  });
}

void CudaKernels::unary_grad(const Unary& f, const Tensor& saved, const Tensor& dy, const Tensor& dx,
                             Write write) {
  dispatch_stored_float(dy.dtype(), [&](auto type) {
    using T = decltype(type);
    const T *const kept = saved.data<T>(), *const in = dy.data<T>();
    std::visit([&](const auto& g) { map(queue_, dy.numel(), GradOf{g}, write, dx.data<T>(), kept, in); }, f);
  });
}

void CudaKernels::binary(const Binary& f, const Tensor& a, const Tensor& b, const Tensor& y) {
  dispatch_stored_float(a.dtype(), [&](auto type) {
    using T = decltype(type);
    const T *const left = a.data<T>(), *const right = b.data<T>();
    std::visit(
        [&](const auto& g) { map(queue_, a.numel(), ValueOf{g}, Write::Set, y.data<T>(), left, right); }, f);
  });
}

void CudaKernels::multiply_accumulate(const Tensor& a, const Tensor* b, double factor, const Tensor& y,
                                      Write write) {
  dispatch_stored_float(a.dtype(), [&](auto type) {
    using T = decltype(type);
    const ScaledProduct<Computed<T>> f{static_cast<Computed<T>>(factor)};
    const T* const left = a.data<T>();
    if (b) {
      map(queue_, y.numel(), f, write, y.data<T>(), left, static_cast<const T*>(b->data<T>()));
    } else {
      map(queue_, y.numel(), f, write, y.data<T>(), left);
    }
  });
}

void CudaKernels::cast(const Tensor& x, const Tensor& y, Write write) {
  dispatch_stored_float(x.dtype(), [&](auto from) {
    dispatch_stored_float(y.dtype(), [&](auto to) {
      const decltype(from)* const in = x.data<decltype(from)>();
      map(queue_, y.numel(), Itself{}, write, y.data<decltype(to)>(), in);
    });
  });
}

}  // namespace duel::cuda
