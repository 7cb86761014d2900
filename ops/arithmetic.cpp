// How an op is made: its arguments are checked, the result is allocated, a kernel computes it, and where a
// gradient is to flow a Node is recorded that knows the derivative.
#include "ops/arithmetic.h"

#include "lib/autograd.h"
#include "lib/kernels.h"

namespace duel {
namespace {

// y = a + sign * b: da = dy, db = sign * dy.
struct AddNode final : Node {
  const char* op;
  double sign;

  AddNode(const char* name, double sign_of_b) : op(name), sign(sign_of_b) {}
  const char* name() const override { return op; }
  void backward(const Tensor& dy) override {
    if (needs(0)) pass(0, dy);
    if (!needs(1)) return;
    if (sign == 1) return pass(1, dy);
    const Target db = target(1);
    kernels(dy.device()).multiply_accumulate(dy, nullptr, sign, db.tensor, db.write);
  }
  void release() override {}
};

// y = a * b: da = dy * b, db = dy * a.
struct MulNode final : Node {
  Saved a, b;

  const char* name() const override { return "mul"; }
  void backward(const Tensor& dy) override {
    if (needs(0)) {
      const Target da = target(0);
      kernels(dy.device()).multiply_accumulate(dy, &b.get("mul"), 1, da.tensor, da.write);
    }
    if (needs(1)) {
      const Target db = target(1);
      kernels(dy.device()).multiply_accumulate(dy, &a.get("mul"), 1, db.tensor, db.write);
    }
  }
  void release() override {
    a.release();
    b.release();
  }
};

Tensor apply(const char* op, const Binary& f, const Tensor& a, const Tensor& b) {
  check_same_kind(op, a, b);
  check_floating(op, "a", a);
  check_shape(op, "b", b, a.shape());
  const Tensor y = Tensor::empty_like(a);
  kernels(a.device()).binary(f, a, b, y);
  return y;
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  const Tensor y = apply("add", Add{}, a, b);
  if (needs_grad({a, b})) record(y, std::make_shared<AddNode>("add", 1), {a, b});
  return y;
}

Tensor sub(const Tensor& a, const Tensor& b) {
  const Tensor y = apply("sub", Subtract{}, a, b);
  if (needs_grad({a, b})) record(y, std::make_shared<AddNode>("sub", -1), {a, b});
  return y;
}

Tensor mul(const Tensor& a, const Tensor& b) {
  const Tensor y = apply("mul", Multiply{}, a, b);
  if (needs_grad({a, b})) {
    auto node = std::make_shared<MulNode>();
    if (a.requires_grad()) node->b = Saved(b);
    if (b.requires_grad()) node->a = Saved(a);
    record(y, std::move(node), {a, b});
  }
  return y;
}

}  // namespace duel
