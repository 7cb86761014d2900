#include "ops/dropout.h"

#include "lib/autograd.h"
#include "lib/kernels.h"

namespace duel {
namespace {

// y = factor * x * mask, where the mask holds 0 and 1: dx = factor * dy * mask.
struct DropoutNode final : Node {
  Saved mask;
  double factor = 1;

  const char* name() const override { return "dropout"; }
  void backward(const Tensor& dy) override {
    const Target dx = target(0);
    kernels(dy.device()).multiply_accumulate(dy, &mask.get(name()), factor, dx.tensor, dx.write);
  }
  void release() override { mask.release(); }
};

}  // namespace

Tensor dropout(const Tensor& x, double p, bool training, RandomStream& random) {
  check_floating("dropout", "x", x);
  check(p >= 0 && p < 1, "[dropout] p must be in [0, 1), got ", p);
  if (!training || p == 0) return x;
  const double factor = 1 / (1 - p);
  const Tensor mask = Tensor::empty_like(x), y = Tensor::empty_like(x);
  random.fill(mask, Bernoulli{1 - p, 1});
  kernels(x.device()).multiply_accumulate(x, &mask, factor, y, Write::Set);
  if (needs_grad({x})) {
    auto node = std::make_shared<DropoutNode>();
    node->mask = Saved(mask);
    node->factor = factor;
    record(y, std::move(node), {x});
  }
  return y;
}

}  // namespace duel
