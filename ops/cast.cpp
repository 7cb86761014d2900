// y = x: dx = dy, each in its own type.
#include "ops/cast.h"

#include "lib/autograd.h"
#include "lib/kernels.h"

namespace duel {
namespace {

struct CastNode final : Node {
  const char* name() const override { return "cast"; }
  void backward(const Tensor& dy) override {
    const Target dx = target(0);
    kernels(dy.device()).cast(dy, dx.tensor, dx.write);
  }
  void release() override {}
};

}  // namespace

Tensor cast(const Tensor& x, DType dtype) {
  check(x.defined(), "[cast] x is missing");
  check_cast("cast", x.dtype(), dtype);
  if (x.dtype() == dtype) return x;
  const Tensor y = Tensor::empty(x.shape(), dtype, x.device());
  kernels(x.device()).cast(x, y, Write::Set);
  if (needs_grad({x})) record(y, std::make_shared<CastNode>(), {x});
  return y;
}

}  // namespace duel
