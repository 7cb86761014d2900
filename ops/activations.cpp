#include "ops/activations.h"

#include "lib/autograd.h"
#include "lib/kernels.h"

namespace duel {
namespace {

Saves saves_of(const Unary& f) {
  return std::visit([](const auto& g) { return g.saves; }, f);
}

// dx = f.grad(saved, dy), where f says whether it wants its input or its output back.
struct UnaryNode final : Node {
  const char* op;
  Unary f;
  Saved saved;

  UnaryNode(const char* name, const Unary& function) : op(name), f(function) {}
  const char* name() const override { return op; }
  void backward(const Tensor& dy) override {
    const bool reads = saves_of(f) != Saves::Nothing;
    const Target dx = target(0);
    kernels(dy.device()).unary_grad(f, reads ? saved.get(op) : dy, dy, dx.tensor, dx.write);
  }
  void release() override { saved.release(); }
};

Tensor apply(const char* op, const Unary& f, const Tensor& x) {
  check_floating(op, "x", x);
  const Tensor y = Tensor::empty_like(x);
  kernels(x.device()).unary(f, x, y);
  if (needs_grad({x})) {
    auto node = std::make_shared<UnaryNode>(op, f);
    const Saves saves = saves_of(f);
    if (saves != Saves::Nothing) node->saved = Saved(saves == Saves::Input ? x : y);
    record(y, std::move(node), {x});
  }
  return y;
}

}  // namespace

void check_slope(const char* op, double negative_slope) {
  check(negative_slope >= 0, "[", op, "] negative_slope must not be negative, got ", negative_slope);
}

void check_fusible(const Unary& f) {
  if (const auto* leaky_relu = std::get_if<LeakyRelu>(&f))
    check_slope("activation", leaky_relu->negative_slope);
  check(saves_of(f) != Saves::Input,
        "[activation] the gradient of this function needs its input, which a fused op "
        "does not keep; apply it on its own");
}

Tensor activated(const Unary& f, const Tensor& x) {
  check_fusible(f);
  const Tensor y = x.detach();
  if (needs_grad({x})) {
    auto node = std::make_shared<UnaryNode>("activation", f);
    if (saves_of(f) == Saves::Output) node->saved = Saved(y);
    record(y, std::move(node), {x});
  }
  return y;
}

Tensor relu(const Tensor& x) { return apply("relu", Relu{}, x); }

Tensor leaky_relu(const Tensor& x, double negative_slope) {
  check_slope("leaky_relu", negative_slope);
  return apply("leaky_relu", LeakyRelu{negative_slope}, x);
}

Tensor sigmoid(const Tensor& x) { return apply("sigmoid", Sigmoid{}, x); }
Tensor tanh(const Tensor& x) { return apply("tanh", Tanh{}, x); }
Tensor abs(const Tensor& x) { return apply("abs", Abs{}, x); }
Tensor log(const Tensor& x) { return apply("log", Log{}, x); }
Tensor scale(const Tensor& x, double factor) { return apply("scale", Scale{factor}, x); }
Tensor neg(const Tensor& x) { return apply("neg", Scale{-1}, x); }

}  // namespace duel
