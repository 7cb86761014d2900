// Batch normalisation over the rows of a (rows, channels) array; see rows.cuh for how rows are walked. What a
// channel has in common is computed by each thread for its own channels, once for all its rows.
//
// With an activation f behind it, each pass applies f, or takes the gradient through f, on its way: nothing
// is stored between the two.
#include "cuda/accumulators.h"
#include "cuda/cuda_kernels.h"
#include "cuda/rows.cuh"

namespace duel::cuda {
namespace {

int64_t rows_of(const Tensor& x) { return x.dim(-1) ? x.numel() / x.dim(-1) : 0; }

/// The rows of x, in as many batches as there are statistics for.
Rows rows_of(const Tensor& x, const Tensor& mean) {
  const int64_t batches = mean.dims() == 2 ? mean.dim(0) : 1;
  return {rows_of(x) / batches, batches};
}

/// The statistics of the channels, on the device; those of several batches one after another.
template <class T>
struct Statistics {
  const T *mean, *variance;
  T eps;

  DUEL_HOST_DEVICE T inverse_std(int64_t c) const { return T(1) / std::sqrt(variance[c] + eps); }
};

/// Around the channels' numbers of the first row, of each batch its own.
template <class Stored>
struct MomentsUp {
  using T = Computed<Stored>;
  const Stored* x;
  int64_t rows;
  using State = TwoSums<T>;
  using Column = AroundShift<T>;
  DUEL_HOST_DEVICE Column column(int64_t c, int64_t before) const {
    return {static_cast<T>(x[before * rows + c])};
  }
};

template <class T>
struct Running {
  T *mean, *variance;  // or none
  RunningUpdate<T> update;
  DUEL_HOST_DEVICE void operator()(int64_t c, T batch_mean, T batch_variance) const {
    update.apply(batch_mean, batch_variance, mean[c], variance[c]);
  }
};

template <class Stored>
struct StoreMoments {
  using T = Computed<Stored>;
  MomentsUp<Stored> up;
  double a_row;  // 1 / rows
  T *mean, *variance;
  Running<T> running;  // none of several batches, whose order counts
  DUEL_HOST_DEVICE void operator()(int64_t c, int64_t before, const TwoSums<double>& sums) const {
    const AroundShift<double> around{static_cast<double>(up.column(c, before).shift)};
    const Moments<double> moments = around.moments(sums, a_row);
    const T m = mean[before + c] = T(moments.mean), v = variance[before + c] = T(moments.variance);
    if (running.mean) running(c, m, v);
  }
};

/// Lets `running` follow the statistics of batch after batch.
template <class T>
__global__ void __launch_bounds__(block_threads)
    follow_batches_kernel(int64_t batches, int64_t channels, const T* mean, const T* variance,
                          Running<T> running) {
  begin_kernel();
  const auto [first, step] = thread_items(blockIdx.x, static_cast<int>(threadIdx.x), gridDim.x);
  for (int64_t c = first; c < channels; c += step) {
    for (int64_t batch = 0; batch < batches; ++batch)
      running(c, mean[batch * channels + c], variance[batch * channels + c]);
  }
}

template <class T>
struct Normalize {
  Statistics<T> statistics;
  const T *weight, *bias;
  struct Column {
    T mean, inverse_std, weight, bias;
    DUEL_HOST_DEVICE T operator()(T x) const { return batch_norm_value(x, mean, inverse_std, weight, bias); }
  };
  DUEL_HOST_DEVICE Column column(int64_t c, int64_t before) const {
    return {statistics.mean[before + c], statistics.inverse_std(before + c), weight[c], bias[c]};
  }
};

/// The sums of dy and of dy * (x - mean): that x is divided by its deviation is left to StoreGradSums.
template <class T>
struct GradSums {
  const T* mean;
  using State = TwoSums<T>;
  struct Column {
    T mean;
    DUEL_HOST_DEVICE void operator()(State& state, T x, T dy) const { state.add_product(dy, dy, x - mean); }
  };
  DUEL_HOST_DEVICE Column column(int64_t c, int64_t before) const { return {mean[before + c]}; }
};

template <class T>
struct StoreGradSums {
  Statistics<T> statistics;
  T *dbias, *dweight;
  DUEL_HOST_DEVICE void operator()(int64_t c, const TwoSums<double>& sums) const {
    dbias[c] = T(sums.first);
    dweight[c] = T(sums.second * statistics.inverse_std(c));
  }
};

/// In training.
template <class T>
struct InputGrad {
  Statistics<T> statistics;
  const T *weight, *dweight, *dbias;
  T a_row;  // 1 / rows
  struct Column {
    T mean, inverse_std, weight, mean_dy, mean_dy_xhat;
    DUEL_HOST_DEVICE T operator()(T x, T dy) const {
      return batch_norm_grad(x, dy, mean, inverse_std, weight, mean_dy, mean_dy_xhat);
    }
  };
  DUEL_HOST_DEVICE Column column(int64_t c, int64_t before) const {
    const int64_t own = before + c;
    return {statistics.mean[own], statistics.inverse_std(own), weight[c], dbias[own] * a_row,
            dweight[own] * a_row};
  }
};

/// In evaluation, where the statistics are constants: whatever x is, also where it is infinite.
template <class T>
struct EvaluationInputGrad {
  Statistics<T> statistics;
  const T* weight;
  struct Column {
    T factor;
    DUEL_HOST_DEVICE T operator()(T, T dy) const { return factor * dy; }
  };
  DUEL_HOST_DEVICE Column column(int64_t c, int64_t before) const {
    return {weight[c] * statistics.inverse_std(before + c)};
  }
};

/// Calls run(f), f giving dx: of `rows` rows in training, or in evaluation.
template <class T, class Run>
void with_input_grad(bool training, int64_t rows, const Statistics<T>& statistics, const T* weight,
                     const T* dweight, const T* dbias, const Run& run) {
  if (training) {
    run(InputGrad<T>{statistics, weight, dweight, dbias, T(1) / T(rows)});
  } else {
    run(EvaluationInputGrad<T>{statistics, weight});
  }
}

/// f of what `Inner` gives.
template <class Inner, class F>
struct Then {
  Inner inner;
  F f;
  struct Column {
    typename Inner::Column inner;
    F f;
    template <class T>
    DUEL_HOST_DEVICE T operator()(T x) const {
      return f.value(inner(x));
    }
  };
  DUEL_HOST_DEVICE Column column(int64_t c, int64_t before) const { return {inner.column(c, before), f}; }
};

/// `Inner`, a gradient, given the gradient of f's result instead of that of f's argument. The result itself
/// is computed from x again, to the same bits: that costs a few operations, where reading it would cost a
/// pass.
template <class Inner, class F>
struct Through {
  Inner inner;
  Then<Normalize<float>, F> forward;
  struct Column {
    typename Inner::Column inner;
    typename Then<Normalize<float>, F>::Column forward;
    DUEL_HOST_DEVICE float operator()(float x, float dy) const {
      return inner(x, forward.f.grad(forward(x), dy));
    }
    template <class State>
    DUEL_HOST_DEVICE void operator()(State& state, float x, float dy) const {
      inner(state, x, forward.f.grad(forward(x), dy));
    }
  };
  DUEL_HOST_DEVICE Column column(int64_t c, int64_t before) const {
    return {inner.column(c, before), forward.column(c, before)};
  }
};

/// The same for a reduction.
template <class Inner, class F>
struct ReduceThrough : Through<Inner, F> {
  using State = typename Inner::State;
};

/// Calls run(f, T{}), T being the type of the elements, with the activation itself, if it is one that recipes
/// put behind batch norm; the others, and float64, which is for checks, are composed. Returns whether it did.
template <class Run>
bool with_fused_activation(const Unary& f, DType dtype, const Run& run) {
  const auto with = [&](auto type) {
    if (const auto* relu = std::get_if<Relu>(&f)) {
      run(*relu, type);
    } else if (const auto* leaky_relu = std::get_if<LeakyRelu>(&f)) {
      run(*leaky_relu, type);
    } else {
      return false;
    }
    return true;
  };
  if (dtype == DType::Float32) return with(float{});
  return dtype == DType::BFloat16 && with(BFloat16{});
}

}  // namespace

void CudaKernels::batch_norm_statistics(const Tensor& x, const Tensor& mean, const Tensor& variance,
                                        const RunningStatistics* running) {
  dispatch_stored_float(x.dtype(), [&](auto type) {
    using Stored = decltype(type);
    using T = Computed<Stored>;
    const Rows rows = rows_of(x, mean);
    const int64_t channels = x.dim(-1);
    const Stored* const in = x.data<Stored>();
    const Running<T> followers{running ? running->mean.data<T>() : nullptr,
                               running ? running->variance.data<T>() : nullptr,
                               RunningUpdate<T>(running ? running->momentum : 0, rows.count)};
    const MomentsUp<Stored> up{in, rows.count};
    const Running<T> no_followers{nullptr, nullptr, followers.update};
    const StoreMoments<Stored> store{up, 1 / static_cast<double>(rows.count), mean.data<T>(),
                                     variance.data<T>(), rows.batches == 1 ? followers : no_followers};
    reduce_rows<Stored>(queue_, reductions_, rows, channels, up, store, in);
    if (!running || rows.batches == 1) return;
    queue_.launch(blocks_for(channels, queue_.resident_blocks()), block_threads, follow_batches_kernel<T>,
                  rows.batches, channels, store.mean, store.variance, followers);
  });
}

void CudaKernels::batch_norm_forward(const Tensor& x, const Tensor& mean, const Tensor& variance, double eps,
                                     const Tensor& weight, const Tensor& bias, const Tensor& y) {
  dispatch_stored_float(x.dtype(), [&](auto type) {
    using Stored = decltype(type);
    using T = Computed<Stored>;
    const Normalize<T> f{{mean.data<T>(), variance.data<T>(), T(eps)}, weight.data<T>(), bias.data<T>()};
    map_rows<Stored>(queue_, rows_of(x, mean), x.dim(-1), f, Write::Set, y.data<Stored>(), x.data<Stored>());
  });
}

void CudaKernels::batch_norm_backward_sums(const Tensor& x, const Tensor& dy, const Tensor& mean,
                                           const Tensor& variance, double eps, const Tensor& dweight,
                                           const Tensor& dbias) {
  dispatch_stored_float(x.dtype(), [&](auto type) {
    using Stored = decltype(type);
    using T = Computed<Stored>;
    const StoreGradSums<T> store{
        {mean.data<T>(), variance.data<T>(), T(eps)}, dbias.data<T>(), dweight.data<T>()};
    reduce_rows<Stored>(queue_, reductions_, rows_of(x, mean), x.dim(-1), GradSums<T>{mean.data<T>()}, store,
                        x.data<Stored>(), dy.data<Stored>());
  });
}

void CudaKernels::batch_norm_backward_input(const Tensor& x, const Tensor& dy, const Tensor& mean,
                                            const Tensor& variance, double eps, const Tensor& weight,
                                            const Tensor& dweight, const Tensor& dbias, bool training,
                                            const Tensor& dx, Write write) {
  dispatch_stored_float(x.dtype(), [&](auto type) {
    using Stored = decltype(type);
    using T = Computed<Stored>;
    const Rows rows = rows_of(x, mean);
    with_input_grad<T>(training, rows.count, {mean.data<T>(), variance.data<T>(), T(eps)}, weight.data<T>(),
                       dweight.data<T>(), dbias.data<T>(), [&](const auto& f) {
                         map_rows<Stored>(queue_, rows, x.dim(-1), f, write, dx.data<Stored>(),
                                          x.data<Stored>(), dy.data<Stored>());
                       });
  });
}

void CudaKernels::batch_norm_forward_fused(const Tensor& x, const Tensor& mean, const Tensor& variance,
                                           double eps, const Tensor& weight, const Tensor& bias,
                                           const Unary& f, const Tensor& y) {
  const bool done =
      with_fused_activation(f, x.dtype(), [&]<class F, class Stored>(const F& activation, Stored) {
        const Normalize<float> inner{{mean.data<float>(), variance.data<float>(), static_cast<float>(eps)},
                                     weight.data<float>(),
                                     bias.data<float>()};
        map_rows<Stored>(queue_, rows_of(x, mean), x.dim(-1), Then<Normalize<float>, F>{inner, activation},
                         Write::Set, y.data<Stored>(), x.data<Stored>());
      });
  if (!done) Kernels::batch_norm_forward_fused(x, mean, variance, eps, weight, bias, f, y);
}

void CudaKernels::batch_norm_backward_fused(const Tensor& x, const Tensor& y, const Tensor& dy,
                                            const Tensor& mean, const Tensor& variance, double eps,
                                            const Tensor& weight, const Tensor& bias, const Unary& f,
                                            bool training, const Tensor& dweight, const Tensor& dbias,
                                            const Tensor* dx, Write write) {
  const bool done =
      with_fused_activation(f, x.dtype(), [&]<class F, class Stored>(const F& activation, Stored) {
        using T = float;
        const Statistics<T> statistics{mean.data<T>(), variance.data<T>(), T(eps)};
        const Then<Normalize<T>, F> forward{{statistics, weight.data<T>(), bias.data<T>()}, activation};
        const Rows rows = rows_of(x, mean);
        const int64_t channels = x.dim(-1);
        const Stored *const in = x.data<Stored>(), *const grad = dy.data<Stored>();
        reduce_rows<Stored>(queue_, reductions_, rows, channels,
                            ReduceThrough<GradSums<T>, F>{{{mean.data<T>()}, forward}},
                            StoreGradSums<T>{statistics, dbias.data<T>(), dweight.data<T>()}, in, grad);
        if (!dx) return;
        with_input_grad<T>(training, rows.count, statistics, weight.data<T>(), dweight.data<T>(),
                           dbias.data<T>(), [&]<class Inner>(const Inner& inner) {
                             map_rows<Stored>(queue_, rows, channels, Through<Inner, F>{inner, forward},
                                              write, dx->data<Stored>(), in, grad);
                           });
      });
  if (!done) {
    Kernels::batch_norm_backward_fused(x, y, dy, mean, variance, eps, weight, bias, f, training, dweight,
                                       dbias, dx, write);
  }
}

}  // namespace duel::cuda
