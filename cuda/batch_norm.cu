// Batch normalisation over the rows of a (rows, channels) array; see rows.cuh for how rows are walked. What a
// channel has in common is computed by each thread for its own channels, once for all its rows.
#include "cuda/cuda_kernels.h"
#include "cuda/rows.cuh"
#include "lib/accumulators.h"

namespace duel::cuda {
namespace {

int64_t rows_of(const Tensor& x) { return x.dim(-1) ? x.numel() / x.dim(-1) : 0; }

/// The statistics of the channels, on the device.
template <class T>
struct Statistics {
  const T *mean, *variance;
  T eps;

  DUEL_HOST_DEVICE T inverse_std(int64_t c) const { return T(1) / std::sqrt(variance[c] + eps); }
};

template <class T>
struct MomentsUp {
  using State = Moments<T>;
  struct Column {
    DUEL_HOST_DEVICE void operator()(State& state, T x) const { state.add(x); }
  };
  DUEL_HOST_DEVICE Column column(int64_t) const { return {}; }
};

template <class T>
struct StoreMoments {
  T *mean, *variance;
  DUEL_HOST_DEVICE void operator()(int64_t c, const Moments<double>& moments) const {
    mean[c] = T(moments.mean);
    variance[c] = T(moments.variance());
  }
};

template <class T>
struct Normalize {
  Statistics<T> statistics;
  const T *weight, *bias;
  struct Column {
    T mean, inverse_std, weight, bias;
    DUEL_HOST_DEVICE T operator()(T x) const { return batch_norm_value(x, mean, inverse_std, weight, bias); }
  };
  DUEL_HOST_DEVICE Column column(int64_t c) const {
    return {statistics.mean[c], statistics.inverse_std(c), weight[c], bias[c]};
  }
};

template <class T>
struct GradSums {
  Statistics<T> statistics;
  using State = TwoSums<T>;
  struct Column {
    T mean, inverse_std;
    DUEL_HOST_DEVICE void operator()(State& state, T x, T dy) const {
      state.add(dy, dy * ((x - mean) * inverse_std));
    }
  };
  DUEL_HOST_DEVICE Column column(int64_t c) const { return {statistics.mean[c], statistics.inverse_std(c)}; }
};

template <class T>
struct StoreGradSums {
  T *dbias, *dweight;
  DUEL_HOST_DEVICE void operator()(int64_t c, const TwoSums<double>& sums) const {
    dbias[c] = T(sums.first);
    dweight[c] = T(sums.second);
  }
};

template <class T>
struct InputGrad {
  Statistics<T> statistics;
  const T *weight, *dweight, *dbias;
  T rows;
  bool training;
  struct Column {
    T mean, inverse_std, weight, mean_dy, mean_dy_xhat;
    DUEL_HOST_DEVICE T operator()(T x, T dy) const {
      return batch_norm_grad(x, dy, mean, inverse_std, weight, mean_dy, mean_dy_xhat);
    }
  };
  DUEL_HOST_DEVICE Column column(int64_t c) const {
    return {statistics.mean[c], statistics.inverse_std(c), weight[c], training ? dbias[c] / rows : T(0),
            training ? dweight[c] / rows : T(0)};
  }
};

template <class T>
__global__ void __launch_bounds__(block_threads)
    update_running_kernel(int64_t channels, T momentum, T variance_momentum, T keep, const T* mean,
                          const T* variance, T* running_mean, T* running_variance) {
  const auto [first, step] = thread_items(blockIdx.x, static_cast<int>(threadIdx.x), gridDim.x);
  for (int64_t c = first; c < channels; c += step) {
    running_mean[c] = keep * running_mean[c] + momentum * mean[c];
    running_variance[c] = keep * running_variance[c] + variance_momentum * variance[c];
  }
}

}  // namespace

void CudaKernels::batch_norm_statistics(const Tensor& x, const Tensor& mean, const Tensor& variance) {
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    reduce_rows<T>(queue_, allocator_, rows_of(x), x.dim(-1), MomentsUp<T>{},
                   StoreMoments<T>{mean.data<T>(), variance.data<T>()}, x.data<T>());
  });
}

void CudaKernels::batch_norm_update_running(const Tensor& mean, const Tensor& variance, int64_t rows,
                                            double momentum, const Tensor& running_mean,
                                            const Tensor& running_variance) {
  const double unbiased = static_cast<double>(rows) / static_cast<double>(rows - 1);
  dispatch_float(mean.dtype(), [&](auto type) {
    using T = decltype(type);
    queue_.launch(blocks_for(mean.numel(), queue_.resident_blocks()), block_threads, update_running_kernel<T>,
                  mean.numel(), T(momentum), T(momentum * unbiased), T(1 - momentum), mean.data<T>(),
                  variance.data<T>(), running_mean.data<T>(), running_variance.data<T>());
  });
}

void CudaKernels::batch_norm_forward(const Tensor& x, const Tensor& mean, const Tensor& variance, double eps,
                                     const Tensor& weight, const Tensor& bias, const Tensor& y) {
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const Normalize<T> f{{mean.data<T>(), variance.data<T>(), T(eps)}, weight.data<T>(), bias.data<T>()};
    map_rows<T>(queue_, rows_of(x), x.dim(-1), f, Write::Set, y.data<T>(), x.data<T>());
  });
}

void CudaKernels::batch_norm_backward_sums(const Tensor& x, const Tensor& dy, const Tensor& mean,
                                           const Tensor& variance, double eps, const Tensor& dweight,
                                           const Tensor& dbias) {
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    reduce_rows<T>(queue_, allocator_, rows_of(x), x.dim(-1),
                   GradSums<T>{{mean.data<T>(), variance.data<T>(), T(eps)}},
                   StoreGradSums<T>{dbias.data<T>(), dweight.data<T>()}, x.data<T>(), dy.data<T>());
  });
}

void CudaKernels::batch_norm_backward_input(const Tensor& x, const Tensor& dy, const Tensor& mean,
                                            const Tensor& variance, double eps, const Tensor& weight,
                                            const Tensor& dweight, const Tensor& dbias, bool training,
                                            const Tensor& dx, Write write) {
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const InputGrad<T> f{{mean.data<T>(), variance.data<T>(), T(eps)},
                         weight.data<T>(),
                         dweight.data<T>(),
                         dbias.data<T>(),
                         T(rows_of(x)),
                         training};
    map_rows<T>(queue_, rows_of(x), x.dim(-1), f, write, dx.data<T>(), x.data<T>(), dy.data<T>());
  });
}

}  // namespace duel::cuda
