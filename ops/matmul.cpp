#include "ops/matmul.h"

#include <utility>

#include "lib/autograd.h"
#include "lib/kernels.h"

namespace duel {
namespace {

// y = a b: da = dy b^T, db = a^T dy.
struct MatmulNode final : Node {
  Saved a, b;

  const char* name() const override { return "matmul"; }
  void backward(const Tensor& dy) override {
    Kernels& k = kernels(dy.device());
    if (needs(0)) {
      const Target da = target(0);
      k.gemm(false, true, dy, b.get("matmul"), da.tensor, da.write);
    }
    if (needs(1)) {
      const Target db = target(1);
      k.gemm(true, false, a.get("matmul"), dy, db.tensor, db.write);
    }
  }
  void release() override {
    a.release();
    b.release();
  }
};

// y = x w^T + bias: dx = dy w, dw = dy^T x, dbias = the column sums of dy.
struct LinearNode final : Node {
  Saved x, weight;

  const char* name() const override { return "linear"; }
  void backward(const Tensor& dy) override {
    Kernels& k = kernels(dy.device());
    if (needs(0)) {
      const Target dx = target(0);
      k.gemm(false, false, dy, weight_for(dy, weight.get("linear")), dx.tensor, dx.write);
    }
    if (needs(1))
      beside(1, [&](const Target& dw) { k.gemm(true, false, dy, x.get("linear"), dw.tensor, dw.write); });
    if (inputs.size() > 2 && needs(2))
      beside(2, [&](const Target& db) { k.sum_rows(dy, db.tensor, db.write); });
  }
  void release() override {
    x.release();
    weight.release();
  }
};

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  check_same_kind("matmul", a, b);
  check_floating("matmul", "a", a);
  check(a.dims() == 2 && b.dims() == 2 && a.dim(1) == b.dim(0), "[matmul] shapes ", a.shape(), " and ",
        b.shape(), " do not multiply: a must be (M, K) and b (K, N)");
  const Tensor y = Tensor::empty({a.dim(0), b.dim(1)}, a.dtype(), a.device());
  kernels(a.device()).gemm(false, false, a, b, y, Write::Set);
  if (needs_grad({a, b})) {
    auto node = std::make_shared<MatmulNode>();
    if (b.requires_grad()) node->a = Saved(a);
    if (a.requires_grad()) node->b = Saved(b);
    record(y, std::move(node), {a, b});
  }
  return y;
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  check_parameter_kind("linear", x, weight);
  check(x.dims() == 2 && weight.dims() == 2 && x.dim(1) == weight.dim(1),
        "[linear] x must be (N, in) and weight ", "(out, in), got ", x.shape(), " and ", weight.shape());
  if (bias.defined()) {
    check_parameter_kind("linear", x, bias);
    check_shape("linear", "bias", bias, {weight.dim(0)});
  }
  const Tensor y = Tensor::empty({x.dim(0), weight.dim(0)}, x.dtype(), x.device());
  kernels(x.device()).gemm(false, true, x, weight_for(x, weight), y, Write::Set);
  if (bias.defined()) kernels(x.device()).add_bias(bias, y);
  if (needs_grad({x, weight, bias})) {
    auto node = std::make_shared<LinearNode>();
    if (weight.requires_grad()) node->x = Saved(x);
    if (x.requires_grad()) node->weight = Saved(weight);
    record(y, std::move(node),
           bias.defined() ? std::vector<Tensor>{x, weight, bias} : std::vector<Tensor>{x, weight});
  }
  return y;
}

}  // namespace duel
