// Sums and their gradients.
#include "ops/cpu/columns.h"
#include "ops/cpu/cpu_kernels.h"
#include "ops/cpu/parallel.h"

namespace duel::cpu {

void CpuKernels::sum(const Tensor& x, double factor, const Tensor& y, Write write) {
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const T* const data = x.data<T>();
    const double total = parallel_sum(x.numel(), [&](int64_t begin, int64_t end) {
      double part = 0;
      for (int64_t i = begin; i < end; ++i) part += static_cast<double>(data[i]);
      return part;
    });
    T& out = *y.data<T>();
    out = T(factor * total) + (write == Write::Add ? out : T(0));
  });
}

void CpuKernels::sum_rows(const Tensor& x, const Tensor& y, Write write) {
  const int64_t columns = y.numel(), rows = columns ? x.numel() / columns : 0;
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const T* const data = x.data<T>();
    std::vector<double> total(static_cast<size_t>(columns));
    reduce_rows<T>(
        rows, columns,
        [&](int64_t first, int64_t count, T* partial) {
          for (int64_t r = first; r < first + count; ++r)
            for (int64_t c = 0; c < columns; ++c) partial[c] += data[r * columns + c];
        },
        [&](int64_t, const T* partial) {
          for (int64_t c = 0; c < columns; ++c)
            total[static_cast<size_t>(c)] += static_cast<double>(partial[c]);
        });
    T* const out = y.data<T>();
    for (int64_t c = 0; c < columns; ++c)
      out[c] = T(total[static_cast<size_t>(c)]) + (write == Write::Add ? out[c] : T(0));
  });
}

void CpuKernels::broadcast(const Tensor& x, double factor, const Tensor& y, Write write) {
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const T value = T(factor) * *x.data<T>();
    T* const out = y.data<T>();
    parallel_for(y.numel(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) out[i] = value + (write == Write::Add ? out[i] : T(0));
    });
  });
}

void CpuKernels::add_bias(const Tensor& bias, const Tensor& y) {
  const int64_t columns = bias.numel(), rows = columns ? y.numel() / columns : 0;
  dispatch_float(y.dtype(), [&](auto type) {
    using T = decltype(type);
    const T* const in = bias.data<T>();
    T* const out = y.data<T>();
    parallel_for(
        rows,
        [&](int64_t begin, int64_t end) {
          for (int64_t r = begin; r < end; ++r)
            for (int64_t c = 0; c < columns; ++c) out[r * columns + c] += in[c];
        },
        std::max<int64_t>(1, elements_per_chunk / std::max<int64_t>(1, columns)));
  });
}

}  // namespace duel::cpu
