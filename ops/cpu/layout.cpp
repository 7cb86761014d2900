// Kernels that move elements without changing them.
#include <array>

#include "lib/placement.h"
#include "ops/cpu/cpu_kernels.h"
#include "ops/cpu/microkernel.h"
#include "ops/cpu/parallel.h"

namespace duel::cpu {
namespace {

template <class T>
void put(T& target, T value, Write write) {
  if (write == Write::Set) {
    target = value;
  } else {
    target = static_cast<T>(target + value);
  }
}

/// Writes y in its own order, row by row (a row is a run of its last dimension), reading x by strides.
template <class T>
void permute_rows(const Tensor& x, std::span<const int> dims, const Tensor& y, Write write) {
  const Shape& shape = y.shape();
  const int rank = shape.dims();
  std::array<int64_t, Shape::max_dims> x_stride{}, stride{};
  int64_t step = 1;
  for (int i = rank - 1; i >= 0; --i) {
    x_stride[static_cast<size_t>(i)] = step;
    step *= x.dim(i);
  }
  for (int i = 0; i < rank; ++i)
    stride[static_cast<size_t>(i)] = x_stride[static_cast<size_t>(dims[static_cast<size_t>(i)])];
  const int64_t length = shape[-1], last = stride[static_cast<size_t>(rank - 1)];
  const int64_t rows = length ? y.numel() / length : 0;
  const T* const from = x.data<T>();
  T* const to = y.data<T>();
  parallel_for(
      rows,
      [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          int64_t rest = row, source = 0;
          for (int i = rank - 2; i >= 0; --i) {
            source += rest % shape[i] * stride[static_cast<size_t>(i)];
            rest /= shape[i];
          }
          for (int64_t j = 0; j < length; ++j) put(to[row * length + j], from[source + j * last], write);
        }
      },
      std::max<int64_t>(1, elements_per_chunk / std::max<int64_t>(1, length)));
}

void transpose_each(const Transposition& m, const float* from, float* to) {
  const int64_t size = m.rows * m.columns;
  parallel_for(
      m.count,
      [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          microkernels().transpose(from + i * size, m.columns, m.rows, m.columns, to + i * size, m.rows);
      },
      std::max<int64_t>(1, elements_per_chunk / std::max<int64_t>(1, size)));
}

}  // namespace

void CpuKernels::permute(const Tensor& x, std::span<const int> dims, const Tensor& y, Write write) {
  if (x.dtype() == DType::Float32 && write == Write::Set) {
    if (const auto matrices = transposition_of(x.shape(), dims))
      return transpose_each(*matrices, x.data<float>(), y.data<float>());
  }
  if (x.dtype() == DType::UInt8) return permute_rows<uint8_t>(x, dims, y, write);
  dispatch_float(x.dtype(), [&](auto type) { permute_rows<decltype(type)>(x, dims, y, write); });
}

void CpuKernels::copy_runs(const Runs& runs, const Tensor& x, const Tensor& y, Write write) {
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const T* const from = x.data<T>() + runs.x_start;
    T* const to = y.data<T>() + runs.y_start;
    parallel_for(
        runs.count,
        [&](int64_t begin, int64_t end) {
          for (int64_t run = begin; run < end; ++run) {
            for (int64_t j = 0; j < runs.length; ++j)
              put(to[run * runs.y_stride + j], from[run * runs.x_stride + j], write);
          }
        },
        std::max<int64_t>(1, elements_per_chunk / std::max<int64_t>(1, runs.length)));
  });
}

}  // namespace duel::cpu
