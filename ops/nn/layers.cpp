#include "ops/nn/layers.h"

#include <algorithm>

#include "lib/kernels.h"
#include "ops/activations.h"
#include "ops/batch_norm.h"
#include "ops/dropout.h"
#include "ops/layout.h"
#include "ops/matmul.h"

namespace duel::nn {
namespace {

thread_local int64_t separate_batches = 1;

std::string pair(Pair values) { return concat("(", values[0], ", ", values[1], ")"); }

/// As PyTorch prints a convolution: arguments that have their default are left out.
std::string describe_conv(const char* name, int64_t in, int64_t out, Pair kernel_size, const ConvOptions& o) {
  std::string text =
      concat(name, "(", in, ", ", out, ", kernel_size=", pair(kernel_size), ", stride=", pair(o.stride));
  if (o.padding != Pair{0, 0}) text += ", padding=" + pair(o.padding);
  if (o.output_padding != Pair{0, 0}) text += ", output_padding=" + pair(o.output_padding);
  return text + (o.bias ? ")" : ", bias=False)");
}

void check_positive(const char* layer, const char* argument, int64_t value) {
  check(value > 0, "[", layer, "] ", argument, " must be positive, got ", value);
}

void check_conv(const char* layer, int64_t in_channels, int64_t out_channels, Pair kernel_size,
                const ConvOptions& o, bool transposed) {
  check_positive(layer, "in_channels", in_channels);
  check_positive(layer, "out_channels", out_channels);
  for (const size_t i : {size_t{0}, size_t{1}}) {
    check_positive(layer, "kernel_size", kernel_size[i]);
    check_positive(layer, "stride", o.stride[i]);
    check(o.padding[i] >= 0, "[", layer, "] padding must not be negative, got ", o.padding[i]);
    const int64_t most = transposed ? o.stride[i] - 1 : 0;
    check(o.output_padding[i] >= 0 && o.output_padding[i] <= most, "[", layer, "] output_padding must be ",
          transposed ? "at least 0 and less than the stride" : "0", ", got ", o.output_padding[i]);
  }
}

}  // namespace

Linear::Linear(int64_t in_features, int64_t out_features, bool bias) {
  check_positive("Linear", "in_features", in_features);
  check_positive("Linear", "out_features", out_features);
  weight_ = Tensor::zeros({out_features, in_features});
  add_parameter("weight", weight_);
  if (!bias) return;
  bias_ = Tensor::zeros({out_features});
  add_parameter("bias", bias_);
}

std::string Linear::description() const {
  return concat("Linear(in_features=", weight_.dim(1), ", out_features=", weight_.dim(0),
                ", bias=", bias_.defined() ? "True)" : "False)");
}

int64_t Linear::multiply_adds(const Shape& input, const Shape&) const { return input[0] * weight_.numel(); }
Tensor Linear::forward(const Tensor& x) { return linear(x, weight_, bias_); }

std::optional<Tensor> Linear::forward_flattened(const Tensor& x) const {
  if (x.dims() != 4 || x.numel() <= weight_.numel() || !kernels(x.device()).takes_pictures_as_they_lie())
    return std::nullopt;
  return linear_channels_last(x, weight_, bias_);
}

Conv2d::Conv2d(int64_t in_channels, int64_t out_channels, Pair kernel_size, const ConvOptions& options)
    : options_(options) {
  check_conv("Conv2d", in_channels, out_channels, kernel_size, options, false);
  weight_ = Tensor::zeros({out_channels, kernel_size[0], kernel_size[1], in_channels});
  add_parameter("weight", weight_, Layout::ConvWeight);
  if (!options.bias) return;
  bias_ = Tensor::zeros({out_channels});
  add_parameter("bias", bias_);
}

std::string Conv2d::description() const {
  return describe_conv("Conv2d", weight_.dim(3), weight_.dim(0), {weight_.dim(1), weight_.dim(2)}, options_);
}

int64_t Conv2d::multiply_adds(const Shape&, const Shape& output) const {
  return output[0] * output[1] * output[2] * weight_.numel();
}

std::optional<Tensor> Conv2d::forward_with(const Tensor& x, const Unary& activation) {
  return conv2d(x, weight_, bias_, options_.stride, options_.padding, activation);
}

Tensor Conv2d::forward(const Tensor& x) {
  return conv2d(x, weight_, bias_, options_.stride, options_.padding);
}

ConvTranspose2d::ConvTranspose2d(int64_t in_channels, int64_t out_channels, Pair kernel_size,
                                 const ConvOptions& options)
    : options_(options) {
  check_conv("ConvTranspose2d", in_channels, out_channels, kernel_size, options, true);
  weight_ = Tensor::zeros({in_channels, kernel_size[0], kernel_size[1], out_channels});
  add_parameter("weight", weight_, Layout::ConvWeight);
  if (!options.bias) return;
  bias_ = Tensor::zeros({out_channels});
  add_parameter("bias", bias_);
}

std::string ConvTranspose2d::description() const {
  return describe_conv("ConvTranspose2d", weight_.dim(0), weight_.dim(3), {weight_.dim(1), weight_.dim(2)},
                       options_);
}

int64_t ConvTranspose2d::multiply_adds(const Shape& input, const Shape&) const {
  return input[0] * input[1] * input[2] * weight_.numel();
}

std::optional<Tensor> ConvTranspose2d::forward_with(const Tensor& x, const Unary& activation) {
  return conv_transpose2d(x, weight_, bias_, options_.stride, options_.padding, options_.output_padding,
                          activation);
}

Tensor ConvTranspose2d::forward(const Tensor& x) {
  return conv_transpose2d(x, weight_, bias_, options_.stride, options_.padding, options_.output_padding);
}

SeparateBatches::SeparateBatches(int64_t count) : before_(separate_batches) { separate_batches = count; }
SeparateBatches::~SeparateBatches() { separate_batches = before_; }

BatchNorm2d::BatchNorm2d(int64_t num_features, double eps, double momentum) : eps_(eps), momentum_(momentum) {
  check_batch_norm("BatchNorm2d", eps, momentum);
  check_positive("BatchNorm2d", "num_features", num_features);
  weight_ = Tensor::full({num_features}, 1);
  bias_ = Tensor::zeros({num_features});
  running_mean_ = Tensor::zeros({num_features});
  running_var_ = Tensor::full({num_features}, 1);
  num_batches_tracked_ = Tensor::zeros({}, DType::Int64);
  add_parameter("weight", weight_);
  add_parameter("bias", bias_);
  add_buffer("running_mean", running_mean_);
  add_buffer("running_var", running_var_);
  add_buffer("num_batches_tracked", num_batches_tracked_);
}

std::string BatchNorm2d::description() const {
  return concat("BatchNorm2d(", weight_.numel(), ", eps=", eps_, ", momentum=", momentum_,
                ", affine=True, track_running_stats=True)");
}

Tensor BatchNorm2d::normalise(const Tensor& x, const std::optional<Unary>& activation) {
  check(x.dims() == 4, "[BatchNorm2d] x must be (N, H, W, C), got ", x.shape());
  const Tensor y = batch_norm(x, weight_, bias_, running_mean_, running_var_,
                              {training(), momentum_, eps_, activation, separate_batches});
  if (training())
    num_batches_tracked_.fill(num_batches_tracked_.item() + static_cast<double>(separate_batches));
  return y;
}

Tensor BatchNorm2d::forward(const Tensor& x) { return normalise(x, {}); }

std::optional<Tensor> BatchNorm2d::forward_with(const Tensor& x, const Unary& activation) {
  return normalise(x, activation);
}

Dropout::Dropout(double p, RandomStream& random) : p_(p), random_(random) {
  check(p >= 0 && p < 1, "[Dropout] p must be in [0, 1), got ", p);
}

std::string Dropout::description() const { return concat("Dropout(p=", p_, ", inplace=False)"); }
Tensor Dropout::forward(const Tensor& x) { return dropout(x, p_, training(), random_); }

LeakyReLU::LeakyReLU(double negative_slope) : negative_slope_(negative_slope) {
  check_slope("LeakyReLU", negative_slope);
}

std::string LeakyReLU::description() const {
  return concat("LeakyReLU(negative_slope=", negative_slope_, ")");
}
Tensor LeakyReLU::forward(const Tensor& x) { return leaky_relu(x, negative_slope_); }
Tensor ReLU::forward(const Tensor& x) { return relu(x); }
Tensor Sigmoid::forward(const Tensor& x) { return sigmoid(x); }
Tensor Tanh::forward(const Tensor& x) { return duel::tanh(x); }

Tensor Flatten::forward(const Tensor& x) {
  check(x.dims() >= 1, "[Flatten] x must be (N, ...), got ", x.shape());
  int64_t features = 1;
  for (int i = 1; i < x.dims(); ++i) features *= x.dim(i);
  const Tensor channels_first = x.dims() == 4 ? permute(x, {0, 3, 1, 2}) : x;
  return reshape(channels_first, {x.dim(0), features});
}

Unflatten::Unflatten(int64_t channels, int64_t height, int64_t width)
    : channels_(channels), height_(height), width_(width) {
  for (const int64_t size : {channels, height, width}) check_positive("Unflatten", "each size", size);
}

std::string Unflatten::description() const {
  return concat("Unflatten(dim=1, unflattened_size=(", channels_, ", ", height_, ", ", width_, "))");
}

Tensor Unflatten::forward(const Tensor& x) {
  check(x.dims() >= 1, "[Unflatten] x must be (N, features), got ", x.shape());
  return permute(reshape(x, {x.dim(0), channels_, height_, width_}), {0, 2, 3, 1});
}

bool Sequential::has(const std::string& name) const {
  return std::any_of(children().begin(), children().end(),
                     [&](const auto& child) { return child.first == name; });
}

namespace {

/// Two layers in one, where there is such a thing.
std::optional<Tensor> forward_both(Module& first, const Module& second, const Tensor& x) {
  if (const auto activation = second.as_activation()) return first.forward_with(x, *activation);
  const auto* const linear = dynamic_cast<const Linear*>(&second);
  if (linear && dynamic_cast<const Flatten*>(&first)) return linear->forward_flattened(x);
  return std::nullopt;
}

}  // namespace

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (i + 1 < layers_.size() && !observed()) {
      if (const auto both = forward_both(*layers_[i], *layers_[i + 1], y)) {
        y = *both;
        ++i;
        continue;
      }
    }
    y = (*layers_[i])(y);
  }
  return y;
}

}  // namespace duel::nn
