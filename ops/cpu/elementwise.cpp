// The functors of lib/functors.h in loops over all elements.
#include <algorithm>

#include "ops/cpu/cpu_kernels.h"
#include "ops/cpu/microkernel.h"
#include "ops/cpu/parallel.h"

namespace duel::cpu {
namespace {

/// Calls body(i) for every element, its stores vectorised: elements do not depend on each other, so an output
/// may be one of the inputs. Each chunk works on a copy of the body: what is reached by reference might be
/// what is stored to, and the compiler would have to load it again for every element.
template <class Body>
void for_each_element(int64_t n, const Body& body) {
  parallel_for(n, [&](int64_t begin, int64_t end) {
    const Body f = body;
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) f(i);
  });
}

/// The compiler does not vectorise the library's tanh: an element takes it some ten times as long as the
/// microkernels'.
void tanh_by_vectors(const float* in, int64_t n, float* out) {
  const Epilogue epilogue{.activation = Epilogue::Activation::Tanh};
  parallel_for(n, [&](int64_t begin, int64_t end) {
    if (out != in) std::copy(in + begin, in + end, out + begin);
    microkernels().activate(epilogue, out + begin, end - begin);
  });
}

}  // namespace

void CpuKernels::unary(const Unary& f, const Tensor& x, const Tensor& y) {
  if (std::holds_alternative<Tanh>(f) && x.dtype() == DType::Float32)
    return tanh_by_vectors(x.data<float>(), x.numel(), y.data<float>());
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const T* const in = x.data<T>();
    T* const out = y.data<T>();
    std::visit(
        [&](const auto g) { for_each_element(x.numel(), [=](int64_t i) { out[i] = g.value(in[i]); }); }, f);
  });
}

void CpuKernels::unary_grad(const Unary& f, const Tensor& saved, const Tensor& dy, const Tensor& dx,
                            Write write) {
  dispatch_float(dy.dtype(), [&](auto type) {
    using T = decltype(type);
    const T* const kept = saved.data<T>();
    const T* const in = dy.data<T>();
    T* const out = dx.data<T>();
    std::visit(
        [&](const auto g) {
          if (write == Write::Set) {
            for_each_element(dy.numel(), [=](int64_t i) { out[i] = g.grad(kept[i], in[i]); });
          } else {
            for_each_element(dy.numel(), [=](int64_t i) { out[i] += g.grad(kept[i], in[i]); });
          }
        },
        f);
  });
}

void CpuKernels::binary(const Binary& f, const Tensor& a, const Tensor& b, const Tensor& y) {
  dispatch_float(a.dtype(), [&](auto type) {
    using T = decltype(type);
    const T* const left = a.data<T>();
    const T* const right = b.data<T>();
    T* const out = y.data<T>();
    std::visit(
        [&](const auto g) {
          for_each_element(a.numel(), [=](int64_t i) { out[i] = g.value(left[i], right[i]); });
        },
        f);
  });
}

void CpuKernels::multiply_accumulate(const Tensor& a, const Tensor* b, double factor, const Tensor& y,
                                     Write write) {
  dispatch_float(a.dtype(), [&](auto type) {
    using T = decltype(type);
    const T scale = T(factor);
    const T* const left = a.data<T>();
    const T* const right = b ? b->data<T>() : nullptr;
    T* const out = y.data<T>();
    const int64_t n = y.numel();
    if (write == Write::Set) {
      if (right) {
        for_each_element(n, [=](int64_t i) { out[i] = scale * left[i] * right[i]; });
      } else {
        for_each_element(n, [=](int64_t i) { out[i] = scale * left[i]; });
      }
    } else if (right) {
      for_each_element(n, [=](int64_t i) { out[i] += scale * left[i] * right[i]; });
    } else {
      for_each_element(n, [=](int64_t i) { out[i] += scale * left[i]; });
    }
  });
}

void CpuKernels::cast(const Tensor& x, const Tensor& y, Write write) {
  dispatch_stored_float(x.dtype(), [&](auto from) {
    dispatch_stored_float(y.dtype(), [&](auto to) {
      using From = decltype(from);
      using To = decltype(to);
      const From* const in = x.data<From>();
      To* const out = y.data<To>();
      if (write == Write::Set) {
        for_each_element(y.numel(), [=](int64_t i) { out[i] = converted<To>(in[i]); });
      } else {
        for_each_element(y.numel(), [=](int64_t i) {
          out[i] = converted<To>(static_cast<Computed<To>>(out[i]) + converted<Computed<To>>(in[i]));
        });
      }
    });
  });
}

}  // namespace duel::cpu
