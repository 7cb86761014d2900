// With xhat = (x - mean) / sqrt(variance + eps), y = weight * xhat + bias:
//     dbias = sum dy,   dweight = sum dy * xhat,
//     dx = weight / sqrt(variance + eps) * (dy - mean(dy) - xhat * mean(dy * xhat))   in training,
//     dx = weight / sqrt(variance + eps) * dy                                         in evaluation.
// dx needs the two sums, so they are computed also where no gradient of weight and bias is wanted. With an
// activation f in the same pass, y = f(...), and dy above is f's gradient, which f takes from y.
#include "ops/batch_norm.h"

#include <cmath>
#include <utility>

#include "lib/autograd.h"
#include "lib/kernels.h"
#include "ops/activations.h"

namespace duel {
namespace {

struct BatchNormNode final : Node {
  Saved x, weight, mean, variance;
  Saved bias, y;  // where there is an activation
  BatchNormOptions options;

  const char* name() const override { return "batch_norm"; }
  void backward(const Tensor& dy) override {
    const Tensor dweight = Tensor::empty_like(weight.get(name())), dbias = Tensor::empty_like(dweight);
    if (needs(0)) {
      const Target dx = target(0);
      gradients(dy, dweight, dbias, &dx.tensor, dx.write);
    } else {
      gradients(dy, dweight, dbias, nullptr, Write::Set);
    }
    if (needs(1)) pass(1, dweight);
    if (needs(2)) pass(2, dbias);
  }
  void gradients(const Tensor& dy, const Tensor& dweight, const Tensor& dbias, const Tensor* dx,
                 Write write) const {
    Kernels& k = kernels(dy.device());
    const Tensor &in = x.get(name()), &w = weight.get(name()), &m = mean.get(name()),
                 &v = variance.get(name());
    if (options.activation) {
      k.batch_norm_backward_fused(in, y.get(name()), dy, m, v, options.eps, w, bias.get(name()),
                                  *options.activation, options.training, dweight, dbias, dx, write);
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

}  // namespace

void check_batch_norm(const char* op, double eps, double momentum) {
  check(eps >= 0 && std::isfinite(eps), "[", op, "] eps must be finite and not negative, got ", eps);
  check(momentum >= 0 && momentum <= 1, "[", op, "] momentum must be in [0, 1], got ", momentum);
}

Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
                  const Tensor& running_var, const BatchNormOptions& options) {
  const char* const op = "batch_norm";
  check_batch_norm(op, options.eps, options.momentum);
  check_parameter_kind(op, x, weight);
  check_parameter_kind(op, x, bias);
  check(x.dims() >= 2, "[", op, "] x must be (..., C) with at least 2 dimensions, got ", x.shape());
  const Shape channels{x.dim(-1)};
  check_shape(op, "weight", weight, channels);
  check_shape(op, "bias", bias, channels);
  check(running_mean.defined() == running_var.defined(), "[", op,
        "] running_mean and running_var are given together or not at all");
  const bool has_running = running_mean.defined();
  if (has_running) {
    check_parameter_kind(op, x, running_mean);
    check_parameter_kind(op, x, running_var);
    check_shape(op, "running_mean", running_mean, channels);
    check_shape(op, "running_var", running_var, channels);
  }
  if (options.activation) check_fusible(*options.activation);
  Kernels& k = kernels(x.device());
  Tensor mean = running_mean, variance = running_var;
  if (options.training) {
    const int64_t rows = channels[0] ? x.numel() / channels[0] : 0;
    check(rows > 1, "[", op, "] training needs more than one value a channel, x has shape ", x.shape(),
          "; use a larger batch");
    mean = Tensor::empty_like(weight);
    variance = Tensor::empty_like(weight);
    const RunningStatistics running{running_mean, running_var, options.momentum};
    k.batch_norm_statistics(x, mean, variance, has_running ? &running : nullptr);
    if (has_running) {
      running_mean.mark_changed();
      running_var.mark_changed();
    }
  } else {
    check(has_running, "[", op, "] evaluation needs running_mean and running_var");
  }
  const Tensor y = Tensor::empty_like(x);
  if (options.activation) {
    k.batch_norm_forward_fused(x, mean, variance, options.eps, weight, bias, *options.activation, y);
  } else {
    k.batch_norm_forward(x, mean, variance, options.eps, weight, bias, y);
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
    record(y, std::move(node), {x, weight, bias});
  }
  return y;
}

}  // namespace duel
