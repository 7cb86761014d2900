// Sums and their gradients; see rows.cuh for how they are taken.
#include "cuda/cuda_kernels.h"
#include "cuda/map.cuh"
#include "cuda/sum_rows.cuh"

namespace duel::cuda {
namespace {

template <class T>
struct Constant {
  T value;
  DUEL_HOST_DEVICE T operator()() const { return value; }
};

template <class T>
struct ScaledNumber {
  T factor;
  const T* number;  // on the device
  DUEL_HOST_DEVICE Constant<T> bind() const { return {factor * *number}; }
};

template <class T>
struct Bias {
  const T* bias;
  using Column = Constant<T>;
  DUEL_HOST_DEVICE Column column(int64_t c) const { return {bias[c]}; }
};

}  // namespace

// A sum of everything is that of one column, a row an element.
void CudaKernels::sum(const Tensor& x, double factor, const Tensor& y, Write write) {
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    reduce_rows<T>(queue_, reductions_, x.numel(), 1, SumUp<T>{},
                   StoreSum<T>{factor, write == Write::Add, y.data<T>()}, x.data<T>());
  });
}

void CudaKernels::sum_rows(const Tensor& x, const Tensor& y, Write write) {
  const int64_t columns = y.numel(), rows = columns ? x.numel() / columns : 0;
  dispatch_stored_float(x.dtype(), [&](auto type) {
    using Stored = decltype(type);
    using T = Computed<Stored>;
    reduce_rows<Stored>(queue_, reductions_, rows, columns, SumUp<T>{},
                        StoreSum<T>{1, write == Write::Add, y.data<T>()}, x.data<Stored>());
  });
}

void CudaKernels::broadcast(const Tensor& x, double factor, const Tensor& y, Write write) {
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    map(queue_, y.numel(), ScaledNumber<T>{T(factor), x.data<T>()}, write, y.data<T>());
  });
}

void CudaKernels::add_bias(const Tensor& bias, const Tensor& y) {
  const int64_t columns = bias.numel(), rows = columns ? y.numel() / columns : 0;
  dispatch_stored_float(y.dtype(), [&](auto type) {
    using Stored = decltype(type);
    map_rows(queue_, rows, columns, Bias<Computed<Stored>>{bias.data<Computed<Stored>>()}, Write::Add,
             y.data<Stored>());
  });
}

}  // namespace duel::cuda
