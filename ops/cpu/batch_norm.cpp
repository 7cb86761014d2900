// Batch normalisation over the rows of a (rows, channels) array.
#include <cmath>

#include "ops/cpu/columns.h"
#include "ops/cpu/cpu_kernels.h"
#include "ops/cpu/parallel.h"

namespace duel::cpu {
namespace {

int64_t rows_of(const Tensor& x) { return x.dim(-1) ? x.numel() / x.dim(-1) : 0; }

template <class T>
std::vector<T> inverse_std(const Tensor& variance, double eps) {
  std::vector<T> inverse(static_cast<size_t>(variance.numel()));
  for (size_t c = 0; c < inverse.size(); ++c)
    inverse[c] = T(1 / std::sqrt(static_cast<double>(variance.data<T>()[c]) + eps));
  return inverse;
}

template <class Body>
void for_each_row(int64_t rows, int64_t channels, const Body& body) {
  parallel_for(
      rows,
      [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) body(r * channels);
      },
      std::max<int64_t>(1, elements_per_chunk / std::max<int64_t>(1, channels)));
}

/// sums[c] += the sum of value(element, c) over `count` rows from `row` on, `element` being the place of row
/// and c. Four rows at a time: with one, the sums would be loaded and stored once for each element.
template <class T, class Value>
void add_rows(int64_t row, int64_t count, int64_t channels, const Value& value, T* sums) {
  const int64_t end = row + count;
  for (; row + 4 <= end; row += 4) {
    const int64_t at = row * channels;
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c)
      sums[c] += (value(at + c, c) + value(at + channels + c, c)) +
                 (value(at + 2 * channels + c, c) + value(at + 3 * channels + c, c));
  }
  for (; row < end; ++row) {
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) sums[c] += value(row * channels + c, c);
  }
}

}  // namespace

// Each chunk finds its own mean and its sum of squared deviations from it (two passes, the second from
// cache), and the chunks are merged by Chan, Golub & LeVeque's update: no difference of large sums anywhere.
void CpuKernels::batch_norm_statistics(const Tensor& x, const Tensor& mean, const Tensor& variance) {
  const int64_t channels = x.dim(-1), rows = rows_of(x);
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const T* const data = x.data<T>();
    std::vector<double> m(static_cast<size_t>(channels)), squares(static_cast<size_t>(channels));
    double seen = 0;
    reduce_rows<T>(
        rows, 2 * channels,
        [&](int64_t first, int64_t count, T* chunk_mean) {
          T* const chunk_squares = chunk_mean + channels;
          add_rows<T>(
              first, count, channels, [=](int64_t i, int64_t) { return data[i]; }, chunk_mean);
          for (int64_t c = 0; c < channels; ++c) chunk_mean[c] /= T(count);
          add_rows<T>(
              first, count, channels,
              [=](int64_t i, int64_t c) { return (data[i] - chunk_mean[c]) * (data[i] - chunk_mean[c]); },
              chunk_squares);
        },
        [&](int64_t count, const T* chunk) {
          const double n = static_cast<double>(count), total = seen + n;
          for (int64_t c = 0; c < channels; ++c) {
            const auto i = static_cast<size_t>(c);
            const double delta = static_cast<double>(chunk[c]) - m[i];
            m[i] += delta * n / total;
            squares[i] += static_cast<double>(chunk[channels + c]) + delta * delta * seen * n / total;
          }
          seen = total;
        });
    for (int64_t c = 0; c < channels; ++c) {
      mean.data<T>()[c] = T(m[static_cast<size_t>(c)]);
      variance.data<T>()[c] = T(squares[static_cast<size_t>(c)] / seen);
    }
  });
}

void CpuKernels::batch_norm_update_running(const Tensor& mean, const Tensor& variance, int64_t rows,
                                           double momentum, const Tensor& running_mean,
                                           const Tensor& running_variance) {
  const double unbiased = static_cast<double>(rows) / static_cast<double>(rows - 1);
  dispatch_float(mean.dtype(), [&](auto type) {
    using T = decltype(type);
    const T keep = T(1 - momentum);
    for (int64_t c = 0; c < mean.numel(); ++c) {
      T& m = running_mean.data<T>()[c];
      T& v = running_variance.data<T>()[c];
      m = keep * m + T(momentum) * mean.data<T>()[c];
      v = keep * v + T(momentum * unbiased) * variance.data<T>()[c];
    }
  });
}

void CpuKernels::batch_norm_forward(const Tensor& x, const Tensor& mean, const Tensor& variance, double eps,
                                    const Tensor& weight, const Tensor& bias, const Tensor& y) {
  batch_norm_forward_fused(x, mean, variance, eps, weight, bias, Scale{1}, y);
}

void CpuKernels::batch_norm_forward_fused(const Tensor& x, const Tensor& mean, const Tensor& variance,
                                          double eps, const Tensor& weight, const Tensor& bias,
                                          const Unary& f, const Tensor& y) {
  const int64_t channels = x.dim(-1);
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const std::vector<T> inverse = inverse_std<T>(variance, eps);
    const T *const in = x.data<T>(), *const m = mean.data<T>(), *const s = inverse.data();
    const T *const w = weight.data<T>(), *const b = bias.data<T>();
    T* const out = y.data<T>();
    std::visit(
        [&](const auto g) {
          for_each_row(rows_of(x), channels, [=](int64_t row) {
            const auto h = g;  // a copy that no store can be taken to change
#pragma omp simd
            for (int64_t c = 0; c < channels; ++c)
              out[row + c] = h.value(batch_norm_value(in[row + c], m[c], s[c], w[c], b[c]));
          });
        },
        f);
  });
}

void CpuKernels::batch_norm_backward_sums(const Tensor& x, const Tensor& dy, const Tensor& mean,
                                          const Tensor& variance, double eps, const Tensor& dweight,
                                          const Tensor& dbias) {
  const int64_t channels = x.dim(-1);
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const std::vector<T> inverse = inverse_std<T>(variance, eps);
    const T *const in = x.data<T>(), *const grad = dy.data<T>(), *const m = mean.data<T>(),
                   *const inverse_of = inverse.data();
    std::vector<double> sums(static_cast<size_t>(2 * channels));
    reduce_rows<T>(
        rows_of(x), 2 * channels,
        [&](int64_t first, int64_t count, T* partial) {
          // Four rows at a time: with one, the sums would be loaded and stored once for each element.
          int64_t row = first;
          for (; row + 4 <= first + count; row += 4) {
#pragma omp simd
            for (int64_t c = 0; c < channels; ++c) {
              T sum = 0, weighted = 0;
#pragma GCC unroll 4
              for (int64_t r = row; r < row + 4; ++r) {
                sum += grad[r * channels + c];
                weighted += grad[r * channels + c] * (in[r * channels + c] - m[c]);
              }
              partial[c] += sum;
              partial[channels + c] += weighted * inverse_of[c];
            }
          }
          for (; row < first + count; ++row) {
            for (int64_t c = 0; c < channels; ++c) {
              const int64_t i = row * channels + c;
              partial[c] += grad[i];
              partial[channels + c] += grad[i] * ((in[i] - m[c]) * inverse_of[c]);
            }
          }
        },
        [&](int64_t, const T* partial) {
          for (size_t c = 0; c < sums.size(); ++c) sums[c] += static_cast<double>(partial[c]);
        });
    for (int64_t c = 0; c < channels; ++c) {
      dbias.data<T>()[c] = T(sums[static_cast<size_t>(c)]);
      dweight.data<T>()[c] = T(sums[static_cast<size_t>(channels + c)]);
    }
  });
}

void CpuKernels::batch_norm_backward_input(const Tensor& x, const Tensor& dy, const Tensor& mean,
                                           const Tensor& variance, double eps, const Tensor& weight,
                                           const Tensor& dweight, const Tensor& dbias, bool training,
                                           const Tensor& dx, Write write) {
  const int64_t channels = x.dim(-1), rows = rows_of(x);
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const std::vector<T> inverse = inverse_std<T>(variance, eps);
    std::vector<T> mean_dy(static_cast<size_t>(channels)), mean_dy_xhat(static_cast<size_t>(channels));
    if (training) {
      for (size_t c = 0; c < mean_dy.size(); ++c) {
        mean_dy[c] = dbias.data<T>()[c] / T(rows);
        mean_dy_xhat[c] = dweight.data<T>()[c] / T(rows);
      }
    }
    const T *const in = x.data<T>(), *const grad = dy.data<T>(), *const m = mean.data<T>();
    const T *const w = weight.data<T>(), *const s = inverse.data();
    const T *const md = mean_dy.data(), *const mx = mean_dy_xhat.data();
    T* const out = dx.data<T>();
    for_each_row(rows, channels, [&](int64_t row) {
      const auto value = [&](int64_t c) {
        return batch_norm_grad(in[row + c], grad[row + c], m[c], s[c], w[c], md[c], mx[c]);
      };
      if (write == Write::Set) {
#pragma omp simd
        for (int64_t c = 0; c < channels; ++c) out[row + c] = value(c);
      } else {
#pragma omp simd
        for (int64_t c = 0; c < channels; ++c) out[row + c] += value(c);
      }
    });
  });
}

}  // namespace duel::cpu
