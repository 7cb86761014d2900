#include "ops/losses.h"

#include <utility>

#include "lib/autograd.h"
#include "lib/kernels.h"

namespace duel {
namespace {

// y = mean f(x, t): dx = dy * f'(x, t) / numel.
struct LossNode final : Node {
  const char* op;
  Loss f;
  Saved x, target_values;

  LossNode(const char* name, const Loss& function) : op(name), f(function) {}
  const char* name() const override { return op; }
  void backward(const Tensor& dy) override {
    const Target dx = target(0);
    kernels(dy.device()).loss_grad(f, x.get(op), target_values.get(op), dy, dx.tensor, dx.write);
  }
  void release() override {
    x.release();
    target_values.release();
  }
};

Tensor apply(const char* op, const Loss& f, const Tensor& x, const Tensor& target) {
  check_same_kind(op, x, target);
  check_floating(op, "x", x);
  check_shape(op, "target", target, x.shape());
  check(x.numel() > 0, "[", op, "] needs at least one element");
  check(!target.requires_grad(), "[", op, "] target gets no gradient; detach() it");
  const Tensor y = Tensor::empty({}, x.dtype(), x.device());
  kernels(x.device()).loss(f, x, target, y);
  if (needs_grad({x})) {
    auto node = std::make_shared<LossNode>(op, f);
    node->x = Saved(x);
    node->target_values = Saved(target);
    record(y, std::move(node), {x});
  }
  return y;
}

}  // namespace

Tensor bce_with_logits(const Tensor& logits, const Tensor& target) {
  return apply("bce_with_logits", BceWithLogits{}, logits, target);
}

Tensor bce(const Tensor& probabilities, const Tensor& target) {
  return apply("bce", Bce{}, probabilities, target);
}

}  // namespace duel
