// With * for the convolution of Conv2dShape, whose three kernels are
//     fprop: y = x * w        dgrad: dx from (dy, w)        wgrad: dw from (x, dy),
// conv2d is            y  = fprop(x, w),   dx = dgrad(dy, w),   dw = wgrad(x, dy);
// conv_transpose2d is  y  = dgrad(x, w),   dx = fprop(dy, w),   dw = wgrad(dy, x).
// The gradient of the bias is the sum of dy over all pixels.
#include "ops/conv2d.h"

#include <utility>

#include "lib/kernels.h"
#include "ops/activations.h"
#include "ops/weighted_node.h"

namespace duel {
namespace {

struct ConvNode : WeightedNode {
  Conv2dShape shape;

 protected:
  void backward_weight(const Tensor& in, const Tensor& out) {
    beside(1,
           [&](const Target& dw) { kernels(in.device()).conv2d_wgrad(shape, in, out, dw.tensor, dw.write); });
  }
};

struct Conv2dNode final : ConvNode {
  const char* name() const override { return "conv2d"; }
  void backward(const Tensor& dy) override {
    Kernels& k = kernels(dy.device());
    if (needs(0)) {
      const Target dx = target(0);
      k.conv2d_dgrad(shape, dy, weight_for(dy, weight.get(name())), dx.tensor, dx.write);
    }
    if (needs(1)) backward_weight(x.get(name()), dy);
    backward_bias(dy);
  }
};

struct ConvTranspose2dNode final : ConvNode {
  const char* name() const override { return "conv_transpose2d"; }
  void backward(const Tensor& dy) override {
    Kernels& k = kernels(dy.device());
    if (needs(0)) {
      const Target dx = target(0);
      k.conv2d_fprop(shape, dy, weight_for(dy, weight.get(name())), dx.tensor, dx.write);
    }
    if (needs(1)) backward_weight(dy, x.get(name()));
    backward_bias(dy);
  }
};

void check_geometry(const char* op, const Shape& x, const Shape& weight, Pair stride, Pair padding) {
  check(x.dims() == 4 && weight.dims() == 4, "[", op,
        "] x must be (N, H, W, C) and weight 4-dimensional, got ", x, " and ", weight);
  check(stride[0] >= 1 && stride[1] >= 1, "[", op, "] stride must be at least 1, got (", stride[0], ", ",
        stride[1], ")");
  check(padding[0] >= 0 && padding[1] >= 0, "[", op, "] padding must not be negative, got (", padding[0],
        ", ", padding[1], ")");
  check(weight.numel() > 0, "[", op, "] weight is empty: ", weight);
  // So that no size computed from these overflows.
  constexpr int64_t limit = int64_t{1} << 30;
  for (const int64_t size : {x[1], x[2], weight[1], weight[2], stride[0], stride[1], padding[0], padding[1]})
    check(size < limit, "[", op, "] sizes, stride and padding must be less than 2^30, got ", size, " with x ",
          x, " and weight ", weight);
}

template <class NodeType>
void record_conv(const Conv2dShape& shape, const Tensor& y, const Tensor& x, const Tensor& weight,
                 const Tensor& bias) {
  if (!needs_grad({x, weight, bias})) return;
  auto node = std::make_shared<NodeType>();
  node->shape = shape;
  record_weighted(std::move(node), y, x, weight, bias);
}

}  // namespace

Conv2dShape conv2d_shape(const Shape& x, const Shape& weight, Pair stride, Pair padding) {
  check_geometry("conv2d", x, weight, stride, padding);
  check(x[3] == weight[3], "[conv2d] x has ", x[3], " channels, weight ", weight, " expects ", weight[3]);
  Conv2dShape s{x[0],      x[1],      x[2],      x[3],      0,          0,         weight[0],
                weight[1], weight[2], stride[0], stride[1], padding[0], padding[1]};
  check(s.ih + 2 * s.pad_h >= s.kh && s.iw + 2 * s.pad_w >= s.kw, "[conv2d] a kernel of ", s.kh, " x ", s.kw,
        " does not fit a picture of ", s.ih, " x ", s.iw, " with padding ", s.pad_h, ", ", s.pad_w);
  s.oh = (s.ih + 2 * s.pad_h - s.kh) / s.stride_h + 1;
  s.ow = (s.iw + 2 * s.pad_w - s.kw) / s.stride_w + 1;
  return s;
}

Conv2dShape conv_transpose2d_shape(const Shape& x, const Shape& weight, Pair stride, Pair padding,
                                   Pair output_padding) {
  const char* const op = "conv_transpose2d";
  check_geometry(op, x, weight, stride, padding);
  check(x[3] == weight[0], "[", op, "] x has ", x[3], " channels, weight ", weight, " expects ", weight[0]);
  for (size_t i = 0; i < 2; ++i) {
    check(output_padding[i] >= 0 && output_padding[i] < stride[i], "[", op,
          "] output_padding must be at least 0 ", "and less than the stride ", stride[i], ", got ",
          output_padding[i]);
  }
  check(x[1] > 0 && x[2] > 0, "[", op, "] x has no pixels: ", x);
  const auto size = [&](int dim, size_t i) {
    return (x[dim] - 1) * stride[i] - 2 * padding[i] + weight[dim] + output_padding[i];
  };
  const Conv2dShape s{x[0],      size(1, 0), size(2, 1), weight[3], x[1],       x[2],      x[3],
                      weight[1], weight[2],  stride[0],  stride[1], padding[0], padding[1]};
  check(s.ih > 0 && s.iw > 0, "[", op, "] the result would have ", s.ih, " x ", s.iw, " pixels");
  return s;
}

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, Pair stride, Pair padding,
              const std::optional<Unary>& activation) {
  check_parameter_kind("conv2d", x, weight);
  const Conv2dShape s = conv2d_shape(x.shape(), weight.shape(), stride, padding);
  check_bias("conv2d", x, bias, s.oc);
  if (activation) check_fusible(*activation);
  const Tensor y = Tensor::empty({s.n, s.oh, s.ow, s.oc}, x.dtype(), x.device());
  kernels(x.device())
      .conv2d_fprop_fused(s, x, weight_for(x, weight), bias.defined() ? &bias : nullptr,
                          activation ? &*activation : nullptr, y);
  record_conv<Conv2dNode>(s, y, x, weight, bias);
  return activation ? activated(*activation, y) : y;
}

Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias, Pair stride, Pair padding,
                        Pair output_padding, const std::optional<Unary>& activation) {
  check_parameter_kind("conv_transpose2d", x, weight);
  const Conv2dShape s = conv_transpose2d_shape(x.shape(), weight.shape(), stride, padding, output_padding);
  check_bias("conv_transpose2d", x, bias, s.ic);
  if (activation) check_fusible(*activation);
  const Tensor y = Tensor::empty({s.n, s.ih, s.iw, s.ic}, x.dtype(), x.device());
  kernels(x.device())
      .conv2d_dgrad_fused(s, x, weight_for(x, weight), bias.defined() ? &bias : nullptr,
                          activation ? &*activation : nullptr, y);
  record_conv<ConvTranspose2dNode>(s, y, x, weight, bias);
  return activation ? activated(*activation, y) : y;
}

}  // namespace duel
