// With xhat = (x - mean) / sqrt(variance + eps), y = weight * xhat + bias:
//     dbias = sum dy,   dweight = sum dy * xhat,
//     dx = weight / sqrt(variance + eps) * (dy - mean(dy) - xhat * mean(dy * xhat))   in training,
//     dx = weight / sqrt(variance + eps) * dy                                         in evaluation.
// For, with s = 1 / sqrt(variance + eps) and N values a channel, x_i acts on every xhat_j: on its own
// directly, and on all by the mean (dmean/dx_i = 1 / N) and the variance (dvariance/dx_i = 2 (x_i - mean) /
// N). Hence
//     dxhat_j / dx_i = s * ([i = j] - 1/N - xhat_i * xhat_j / N),
// and dx_i is the sum over j of weight * dy_j times that; in evaluation the last two terms are not there.
//
// dx needs the two sums, so they are computed also where no gradient of weight and bias is wanted. With an
// activation f in the same pass, y = f(...), and dy above stands for f.grad(y, dy). Of several batches each
// has this for itself; dweight and dbias are the sums of theirs. (For one batch, which is all that a CPU
// takes at once, class Parts gives everything as it is.)
#include "ops/batch_norm.h"

#include <cmath>
#include <utility>

#include "lib/autograd.h"
#include "lib/kernels.h"
#include "ops/activations.h"

namespace duel {
namespace {

constexpr const char* batch_norm_op = "batch_norm";

/// The rows of batch i, of `batches`.
Tensor rows_of_batch(const Tensor& all, int64_t i, int64_t batches) {
  if (batches == 1) return all;
  const int64_t size = all.dim(0) / batches;
  return all.detach().rows(i * size, size);
}

/// What batch i has for each channel: row i of (batches, C), or the whole (C) of the only one.
Tensor channels_of(const Tensor& all, int64_t i) {
  return all.dims() == 1 ? all : all.rows(i, 1).view({all.dim(1)});
}

/// The rows and channels of what a kernel takes at once: of batch i of `count`, or of all.
class Parts {
 public:
  Parts(const Kernels& k, int64_t batches) : count_(k.joins_batches() ? 1 : batches) {}
  int64_t count() const { return count_; }
  Tensor rows(const Tensor& all, int64_t i) const { return rows_of_batch(all, i, count_); }
  Tensor channels(const Tensor& all, int64_t i) const { return count_ == 1 ? all : channels_of(all, i); }

 private:
  int64_t count_;
};

struct BatchNormNode final : Node {
  Saved x, weight, mean, variance;  // statistics: (C), of several batches (batches, C)
  Saved bias, y;                    // where there is an activation
  BatchNormOptions options;

  const char* name() const override { return batch_norm_op; }
  void backward(const Tensor& dy) override {
    const Tensor dweight = Tensor::empty_like(mean.get(name())), dbias = Tensor::empty_like(dweight);
    std::optional<Target> dx;
    if (needs(0)) dx.emplace(target(0));
    const Parts parts(kernels(dy.device()), options.batches);
    for (int64_t i = 0; i < parts.count(); ++i) {
      const Tensor part_of_dx = dx ? parts.rows(dx->tensor, i) : Tensor();
      gradients(parts, i, parts.rows(dy, i), parts.channels(dweight, i), parts.channels(dbias, i),
                dx ? &part_of_dx : nullptr, dx ? dx->write : Write::Set);
    }
    if (needs(1)) pass_total(1, dweight);
    if (needs(2)) pass_total(2, dbias);
  }
  /// What each batch has, (C) or (batches, C), summed over the batches.
  void pass_total(size_t input, const Tensor& all) const {
    if (all.dims() == 1) return pass(input, all);
    beside(input, [&](const Target& sums) { kernels(all.device()).sum_rows(all, sums.tensor, sums.write); });
  }
  /// Of part i.
  void gradients(const Parts& parts, int64_t i, const Tensor& dy, const Tensor& dweight, const Tensor& dbias,
                 const Tensor* dx, Write write) const {
    Kernels& k = kernels(dy.device());
    const Tensor in = parts.rows(x.get(name()), i), m = parts.channels(mean.get(name()), i),
                 v = parts.channels(variance.get(name()), i);
    const Tensor& w = weight.get(name());
    if (options.activation) {
      k.batch_norm_backward_fused(in, parts.rows(y.get(name()), i), dy, m, v, options.eps, w,
                                  bias.get(name()), *options.activation, options.training, dweight, dbias, dx,
                                  write);
      return;
    }
    if (options.training || needs(1) || needs(2))
      k.batch_norm_backward_sums(in, dy, m, v, options.eps, dweight, dbias);
    if (dx)
      k.batch_norm_backward_input(in, dy, m, v, options.eps, w, dweight, dbias, options.training, *dx, write);
  }
  void release() override {
    for (Saved* saved : {&x, &weight, &mean, &variance, &bias, &y}) saved->release();
  }
};

/// Throws unless batch_norm()'s arguments fit each other.
void check_arguments(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
                     const Tensor& running_var, const BatchNormOptions& options) {
  check_batch_norm(batch_norm_op, options.eps, options.momentum);
  check_parameter_kind(batch_norm_op, x, weight);
  check_parameter_kind(batch_norm_op, x, bias);
  check(x.dims() >= 2, "[", batch_norm_op, "] x must be (..., C) with at least 2 dimensions, got ",
        x.shape());
  const Shape channels{x.dim(-1)};
  check_shape(batch_norm_op, "weight", weight, channels);
  check_shape(batch_norm_op, "bias", bias, channels);
  check(running_mean.defined() == running_var.defined(), "[", batch_norm_op,
        "] running_mean and running_var are given together or not at all");
  if (running_mean.defined()) {
    check_parameter_kind(batch_norm_op, x, running_mean);
    check_parameter_kind(batch_norm_op, x, running_var);
    check_shape(batch_norm_op, "running_mean", running_mean, channels);
    check_shape(batch_norm_op, "running_var", running_var, channels);
  }
  if (options.activation) check_fusible(*options.activation);
  if (!options.training) {
    check(running_mean.defined(), "[", batch_norm_op, "] evaluation needs running_mean and running_var");
    return;
  }
  const int64_t batches = options.batches;
  check(batches >= 1 && x.dim(0) % batches == 0, "[", batch_norm_op, "] x of shape ", x.shape(), " is not ",
        batches, " batches of one size");
  const int64_t rows = channels[0] ? x.numel() / channels[0] / batches : 0;
  check(rows > 1, "[", batch_norm_op, "] training needs more than one value a channel, x has shape ",
        x.shape(), batches > 1 ? concat(" in ", batches, " batches") : "", "; use a larger batch");
}

struct Statistics {
  Tensor mean, variance;  // (C), of several batches (batches, C)
};

/// Those of x, towards which the running ones, where there are any, are moved.
Statistics statistics_of(const Tensor& x, const Parts& parts, int64_t batches,
                         const RunningStatistics& running) {
  const int64_t channels = x.dim(-1);
  const Shape shape = batches > 1 ? Shape{batches, channels} : Shape{channels};
  const Tensor mean = Tensor::empty(shape, parameter_type(x.dtype()), x.device());
  const Tensor variance = Tensor::empty_like(mean);
  const bool has_running = running.mean.defined();
  for (int64_t i = 0; i < parts.count(); ++i) {
    kernels(x.device())
        .batch_norm_statistics(parts.rows(x, i), parts.channels(mean, i), parts.channels(variance, i),
                               has_running ? &running : nullptr);
  }
  if (has_running) {
    running.mean.mark_changed();
    running.variance.mark_changed();
  }
  return {mean, variance};
}

}  // namespace

void check_batch_norm(const char* caller, double eps, double momentum) {
  check(eps >= 0 && std::isfinite(eps), "[", caller, "] eps must be finite and not negative, got ", eps);
  check(momentum >= 0 && momentum <= 1, "[", caller, "] momentum must be in [0, 1], got ", momentum);
}

Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
                  const Tensor& running_var, const BatchNormOptions& options) {
  check_arguments(x, weight, bias, running_mean, running_var, options);
  Kernels& k = kernels(x.device());
  const int64_t batches = options.training ? options.batches : 1;
  const Parts parts(k, batches);
  const auto [mean, variance] =
      options.training ? statistics_of(x, parts, batches, {running_mean, running_var, options.momentum})
                       : Statistics{running_mean, running_var};
  const Tensor y = Tensor::empty_like(x);
  for (int64_t i = 0; i < parts.count(); ++i) {
    const Tensor in = parts.rows(x, i), out = parts.rows(y, i);
    const Tensor m = parts.channels(mean, i), v = parts.channels(variance, i);
    if (options.activation) {
      k.batch_norm_forward_fused(in, m, v, options.eps, weight, bias, *options.activation, out);
    } else {
      k.batch_norm_forward(in, m, v, options.eps, weight, bias, out);
    }
  }
  if (needs_grad({x, weight, bias})) {
    auto node = std::make_shared<BatchNormNode>();
    node->x = Saved(x);
    node->weight = Saved(weight);
    node->mean = Saved(mean);
    node->variance = Saved(variance);
    if (options.activation) {
      node->bias = Saved(bias);
      node->y = Saved(y);
    }
    node->options = options;
    node->options.batches = batches;
    record(y, std::move(node), {x, weight, bias});
  }
  return y;
}

}  // namespace duel
