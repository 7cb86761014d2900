#include "ops/matmul.h"

#include <array>
#include <utility>

#include "lib/kernels.h"
#include "ops/weighted_node.h"

namespace duel {
namespace {

constexpr std::array<int, 4> channels_first{0, 3, 1, 2}, channels_last{0, 2, 3, 1};

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
struct LinearNode final : WeightedNode {
  const char* name() const override { return "linear"; }
  void backward(const Tensor& dy) override {
    Kernels& k = kernels(dy.device());
    if (needs(0)) {
      const Target dx = target(0);
      k.gemm(false, false, dy, weight_for(dy, weight.get(name())), dx.tensor, dx.write);
    }
    if (needs(1))
      beside(1, [&](const Target& dw) { k.gemm(true, false, dy, x.get(name()), dw.tensor, dw.write); });
    backward_bias(dy);
  }
};

// The same with the weight permuted, (out, H * W * C), and so its gradient permuted back.
struct LinearChannelsLastNode final : WeightedNode {
  Tensor permuted;
  Shape picture;  // (1, H, W, C)

  const char* name() const override { return "linear_channels_last"; }
  void backward(const Tensor& dy) override {
    Kernels& k = kernels(dy.device());
    const Shape rows{dy.dim(0), picture.numel()};
    if (needs(0)) {
      weight.get(name());  // throws if it was changed
      const Target dx = target(0);
      k.gemm(false, false, dy, permuted, dx.tensor.view(rows), dx.write);
    }
    if (needs(1)) {
      beside(1, [&](const Target& dw) {
        const int64_t out = dy.dim(1), height = picture[1], width = picture[2], channels = picture[3];
        const Tensor gradient = Tensor::empty({out, height, width, channels}, dw.tensor.dtype(), dy.device());
        k.gemm(true, false, dy, x.get(name()).view(rows), gradient.view({out, picture.numel()}), Write::Set);
        k.permute(gradient, channels_first, dw.tensor.view({out, channels, height, width}), dw.write);
      });
    }
    backward_bias(dy);
  }
  void release() override {
    WeightedNode::release();
    permuted = {};
  }
};

/// x factor^T + bias: (N, out).
Tensor product_of_rows(const Tensor& x, const Tensor& factor, const Tensor& bias) {
  Kernels& k = kernels(x.device());
  const Tensor y = Tensor::empty({x.dim(0), factor.dim(0)}, x.dtype(), x.device());
  k.gemm(false, true, x, factor, y, Write::Set);
  if (bias.defined()) k.add_bias(bias, y);
  return y;
}

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
        "[linear] x must be (N, in) and weight (out, in), got ", x.shape(), " and ", weight.shape());
  check_bias("linear", x, bias, weight.dim(0));
  const Tensor y = product_of_rows(x, weight_for(x, weight), bias);
  if (needs_grad({x, weight, bias})) record_weighted(std::make_shared<LinearNode>(), y, x, weight, bias);
  return y;
}

Tensor linear_channels_last(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const char* const op = "linear_channels_last";
  check_parameter_kind(op, x, weight);
  Shape picture = x.shape();
  if (x.dims() == 4) picture[0] = 1;
  check(x.dims() == 4 && weight.dims() == 2 && picture.numel() == weight.dim(1), "[", op,
        "] x must be (N, H, W, C) and weight (out, C * H * W), got ", x.shape(), " and ", weight.shape());
  check_bias(op, x, bias, weight.dim(0));
  const int64_t out = weight.dim(0), height = picture[1], width = picture[2], channels = picture[3];
  const Tensor factor = weight_for(x, weight);
  const Tensor permuted = Tensor::empty({out, height, width, channels}, factor.dtype(), x.device());
  kernels(x.device())
      .permute(factor.detach().view({out, channels, height, width}), channels_last, permuted, Write::Set);
  const Tensor rows = permuted.view(weight.shape());
  const Tensor y = product_of_rows(x.detach().view({x.dim(0), picture.numel()}), rows, bias);
  if (needs_grad({x, weight, bias})) {
    auto node = std::make_shared<LinearChannelsLastNode>();
    node->permuted = rows;
    node->picture = picture;
    record_weighted(std::move(node), y, x, weight, bias);
  }
  return y;
}

}  // namespace duel
