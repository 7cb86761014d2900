// Batch normalisation over the rows of a (rows, channels) array.
#include <cmath>

#include "ops/cpu/column_sums.h"
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

// The sums over a chunk of rows: of floats by vectors, of doubles, for gradient checks, plainly.

void sum_columns(const float* x, int64_t rows, int64_t channels, float* sums) {
  column_sums(active_isa()).sum(x, rows, channels, sums);
}
void sum_columns(const double* x, int64_t rows, int64_t channels, double* sums) {
  for (int64_t i = 0; i < rows * channels; ++i) sums[i % channels] += x[i];
}

void sum_squares(const float* x, const float* mean, int64_t rows, int64_t channels, float* sums) {
  column_sums(active_isa()).squares(x, mean, rows, channels, sums);
}
void sum_squares(const double* x, const double* mean, int64_t rows, int64_t channels, double* sums) {
  for (int64_t i = 0; i < rows * channels; ++i) {
    const double deviation = x[i] - mean[i % channels];
    sums[i % channels] += deviation * deviation;
  }
}

/// y = f(batch_norm(x)) for f with a kink at 0: ReLU, whose slope is 0, or LeakyReLU.
struct Activation {
  double negative_slope;
  const Tensor &weight, &bias;
};

/// What comes through it to z, its argument. Both ways are computed, so that they are one selection.
template <class T>
T through(T slope, T z, T dy) {
  const T leaked = slope == T(0) ? T(0) : slope * dy;
  return z <= T(0) ? leaked : dy;  // NaN lets it through, as in lib/functors.h
}

template <class T>
struct Gradient {
  const T *x, *dy, *mean;
  const Activation* activation;
  std::vector<T> scale;  // with an activation: of the normalisation
};

void sum_gradients(const Gradient<float>& g, int64_t first, int64_t rows, int64_t channels, float* sums) {
  const bool activated = g.activation != nullptr;
  column_sums(active_isa())
      .gradients({g.x, g.dy, g.mean, activated ? g.scale.data() : nullptr,
                  activated ? g.activation->bias.data<float>() : nullptr,
                  activated ? static_cast<float>(g.activation->negative_slope) : 1},
                 first * channels, rows, channels, sums, sums + channels);
}
void sum_gradients(const Gradient<double>& g, int64_t first, int64_t rows, int64_t channels, double* sums) {
  for (int64_t i = first * channels; i < (first + rows) * channels; ++i) {
    const int64_t c = i % channels;
    const double centred = g.x[i] - g.mean[c];
    const double dz =
        g.activation
            ? through(g.activation->negative_slope,
                      centred * g.scale[static_cast<size_t>(c)] + g.activation->bias.data<double>()[c],
                      g.dy[i])
            : g.dy[i];
    sums[c] += dz;
    sums[channels + c] += dz * centred;
  }
}

/// With an activation, of the whole.
void backward_sums(const Tensor& x, const Tensor& dy, const Tensor& mean, const Tensor& variance, double eps,
                   const Tensor& dweight, const Tensor& dbias, const Activation* activation) {
  const int64_t channels = x.dim(-1);
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const std::vector<T> inverse = inverse_std<T>(variance, eps);
    Gradient<T> gradient{x.data<T>(), dy.data<T>(), mean.data<T>(), activation, {}};
    if (activation)
      for (size_t c = 0; c < inverse.size(); ++c)
        gradient.scale.push_back(inverse[c] * activation->weight.data<T>()[c]);
    std::vector<double> sums(static_cast<size_t>(2 * channels));
    reduce_rows<T>(
        rows_of(x), 2 * channels,
        [&](int64_t first, int64_t count, T* partial) {
          sum_gradients(gradient, first, count, channels, partial);
        },
        [&](int64_t, const T* partial) {
          for (size_t c = 0; c < sums.size(); ++c) sums[c] += static_cast<double>(partial[c]);
        });
    for (int64_t c = 0; c < channels; ++c) {
      const auto i = static_cast<size_t>(c);
      dbias.data<T>()[c] = T(sums[i]);
      dweight.data<T>()[c] = T(sums[static_cast<size_t>(channels) + i] * static_cast<double>(inverse[i]));
    }
  });
}

void backward_input(const Tensor& x, const Tensor& dy, const Tensor& mean, const Tensor& variance, double eps,
                    const Tensor& weight, const Tensor& dweight, const Tensor& dbias, bool training,
                    const Tensor& dx, Write write, const Activation* activation) {
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
    const auto store = [&](const auto& value) {
      for_each_row(rows, channels, [&](int64_t row) {
        if (write == Write::Set) {
#pragma omp simd
          for (int64_t c = 0; c < channels; ++c) out[row + c] = value(row + c, c);
        } else {
#pragma omp simd
          for (int64_t c = 0; c < channels; ++c) out[row + c] += value(row + c, c);
        }
      });
    };
    const auto store_given = [&](const auto& dz) {
      if (training) {
        store([=](int64_t i, int64_t c) {
          return batch_norm_grad(in[i], dz(i, c), m[c], s[c], w[c], md[c], mx[c]);
        });
      } else {  // whatever x is, also where it is infinite
        store([=](int64_t i, int64_t c) { return w[c] * s[c] * dz(i, c); });
      }
    };
    if (!activation) return store_given([=](int64_t i, int64_t) { return grad[i]; });
    const T* const b = activation->bias.data<T>();
    const T slope = T(activation->negative_slope);
    store_given([=](int64_t i, int64_t c) {
      return through(slope, batch_norm_value(in[i], m[c], s[c], w[c], b[c]), grad[i]);
    });
  });
}

}  // namespace

// Each chunk finds its own mean and its sum of squared deviations from it (two passes, the second from
// cache), and the chunks are merged by Chan, Golub & LeVeque's update: no difference of large sums anywhere.
void CpuKernels::batch_norm_statistics(const Tensor& x, const Tensor& mean, const Tensor& variance,
                                       const RunningStatistics* running) {
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
          const T* const chunk = data + first * channels;
          sum_columns(chunk, count, channels, chunk_mean);
          for (int64_t c = 0; c < channels; ++c) chunk_mean[c] /= T(count);
          sum_squares(chunk, chunk_mean, count, channels, chunk_squares);
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
    if (!running) return;
    const RunningUpdate<T> update(running->momentum, rows);
    for (int64_t c = 0; c < channels; ++c) {
      update.apply(mean.data<T>()[c], variance.data<T>()[c], running->mean.data<T>()[c],
                   running->variance.data<T>()[c]);
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
  backward_sums(x, dy, mean, variance, eps, dweight, dbias, nullptr);
}

void CpuKernels::batch_norm_backward_input(const Tensor& x, const Tensor& dy, const Tensor& mean,
                                           const Tensor& variance, double eps, const Tensor& weight,
                                           const Tensor& dweight, const Tensor& dbias, bool training,
                                           const Tensor& dx, Write write) {
  backward_input(x, dy, mean, variance, eps, weight, dweight, dbias, training, dx, write, nullptr);
}

// Whether the activation let an element through is computed again from x, which is read anyhow, rather than
// read from y; and what it lets through is stored nowhere.
void CpuKernels::batch_norm_backward_fused(const Tensor& x, const Tensor& y, const Tensor& dy,
                                           const Tensor& mean, const Tensor& variance, double eps,
                                           const Tensor& weight, const Tensor& bias, const Unary& f,
                                           bool training, const Tensor& dweight, const Tensor& dbias,
                                           const Tensor* dx, Write write) {
  const auto* const leaky = std::get_if<LeakyRelu>(&f);
  if (!leaky && !std::holds_alternative<Relu>(f)) {
    Kernels::batch_norm_backward_fused(x, y, dy, mean, variance, eps, weight, bias, f, training, dweight,
                                       dbias, dx, write);
    return;
  }
  const Activation activation{leaky ? leaky->negative_slope : 0, weight, bias};
  backward_sums(x, dy, mean, variance, eps, dweight, dbias, &activation);
  if (dx)
    backward_input(x, dy, mean, variance, eps, weight, dweight, dbias, training, *dx, write, &activation);
}

}  // namespace duel::cpu
