#include "ops/reductions.h"

#include "lib/autograd.h"
#include "lib/kernels.h"

namespace duel {
namespace {

// y = factor * sum(x): every element of dx is factor * dy.
struct SumNode final : Node {
  const char* op;
  double factor;

  SumNode(const char* name, double f) : op(name), factor(f) {}
  const char* name() const override { return op; }
  void backward(const Tensor& dy) override {
    const Target dx = target(0);
    kernels(dy.device()).broadcast(dy, factor, dx.tensor, dx.write);
  }
  void release() override {}
};

Tensor apply(const char* op, const Tensor& x, double factor) {
  const Tensor y = Tensor::empty({}, x.dtype(), x.device());
  kernels(x.device()).sum(x, factor, y, Write::Set);
  if (needs_grad({x})) record(y, std::make_shared<SumNode>(op, factor), {x});
  return y;
}

}  // namespace

Tensor sum(const Tensor& x) {
  check_floating("sum", "x", x);
  return apply("sum", x, 1);
}

Tensor mean(const Tensor& x) {
  check_floating("mean", "x", x);
  check(x.numel() > 0, "[mean] needs at least one element");
  return apply("mean", x, 1.0 / static_cast<double>(x.numel()));
}

}  // namespace duel
