// The layers. A new layer's weights and biases are 0 (batch norm's weight is 1): initialise with
// ops/nn/init.h. Constructors throw Error for sizes that are not positive and numbers out of an argument's
// range; calls throw as the op does that they name.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "lib/random.h"
#include "ops/conv2d.h"
#include "ops/nn/module.h"

namespace duel::nn {

/// x (N, in_features) -> (N, out_features). Weight (out, in) as in PyTorch.
class Linear final : public Module {
 public:
  Linear(int64_t in_features, int64_t out_features, bool bias = true);
  std::string description() const override;
  int64_t multiply_adds(const Shape& input, const Shape& output) const override;
  /// Of Flatten's result for pictures x (N, H, W, C), without flattening them, where the device would rather
  /// have it so: see Kernels::takes_pictures_as_they_lie().
  std::optional<Tensor> forward_flattened(const Tensor& x) const;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Tensor weight_, bias_;
};

struct ConvOptions {
  Pair stride{1, 1}, padding{0, 0}, output_padding{0, 0};  ///< output_padding: ConvTranspose2d only
  bool bias = true;
};

/// x (N, H, W, in_channels) -> (N, OH, OW, out_channels); see conv2d(). Weight (out, KH, KW, in).
class Conv2d final : public Module {
 public:
  Conv2d(int64_t in_channels, int64_t out_channels, Pair kernel_size, const ConvOptions& options = {});
  std::string description() const override;
  int64_t multiply_adds(const Shape& input, const Shape& output) const override;
  std::optional<Tensor> forward_with(const Tensor& x, const Unary& activation) override;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  ConvOptions options_;
  Tensor weight_, bias_;
};

/// x (N, H, W, in_channels) -> (N, OH, OW, out_channels); see conv_transpose2d(). Weight (in, KH, KW, out).
class ConvTranspose2d final : public Module {
 public:
  ConvTranspose2d(int64_t in_channels, int64_t out_channels, Pair kernel_size,
                  const ConvOptions& options = {});
  std::string description() const override;
  int64_t multiply_adds(const Shape& input, const Shape& output) const override;
  std::optional<Tensor> forward_with(const Tensor& x, const Unary& activation) override;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  ConvOptions options_;
  Tensor weight_, bias_;
};

/// While one lives, BatchNorm2d in training takes its input for `count` batches of one size, one after
/// another: see BatchNormOptions::batches. So a network gives each of several batches, in one pass over all
/// of them, what it would have given it alone. For the layers that this thread calls.
class SeparateBatches {
 public:
  explicit SeparateBatches(int64_t count);
  ~SeparateBatches();
  SeparateBatches(const SeparateBatches&) = delete;
  SeparateBatches& operator=(const SeparateBatches&) = delete;

 private:
  int64_t before_;
};

/// x (N, H, W, num_features), normalised per channel; see batch_norm(). Evaluation uses the running
/// statistics.
class BatchNorm2d final : public Module {
 public:
  explicit BatchNorm2d(int64_t num_features, double eps = 1e-5, double momentum = 0.1);
  std::string description() const override;
  std::optional<Tensor> forward_with(const Tensor& x, const Unary& activation) override;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Tensor normalise(const Tensor& x, const std::optional<Unary>& activation);

  double eps_, momentum_;
  Tensor weight_, bias_, running_mean_, running_var_, num_batches_tracked_;
};

/// Zeroes elements with probability p while training. Draws from `random`, which must outlive it.
class Dropout final : public Module {
 public:
  Dropout(double p, RandomStream& random);
  std::string description() const override;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  double p_;
  RandomStream& random_;
};

/// Any shape; see relu().
class ReLU final : public Module {
 public:
  std::string description() const override { return "ReLU()"; }
  std::optional<Unary> as_activation() const override { return Relu{}; }

 protected:
  Tensor forward(const Tensor& x) override;
};

/// Any shape; see leaky_relu().
class LeakyReLU final : public Module {
 public:
  explicit LeakyReLU(double negative_slope = 0.01);
  std::string description() const override;
  std::optional<Unary> as_activation() const override { return LeakyRelu{negative_slope_}; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  double negative_slope_;
};

/// Any shape; see sigmoid().
class Sigmoid final : public Module {
 public:
  std::string description() const override { return "Sigmoid()"; }
  std::optional<Unary> as_activation() const override { return duel::Sigmoid{}; }

 protected:
  Tensor forward(const Tensor& x) override;
};

/// Any shape; see tanh().
class Tanh final : public Module {
 public:
  std::string description() const override { return "Tanh()"; }
  std::optional<Unary> as_activation() const override { return duel::Tanh{}; }

 protected:
  Tensor forward(const Tensor& x) override;
};

/// x (N, ...) -> (N, features), in PyTorch's order of elements: a picture (N, H, W, C) becomes rows of its
/// channels, each row by row.
class Flatten final : public Module {
 public:
  std::string description() const override { return "Flatten(start_dim=1, end_dim=-1)"; }

 protected:
  Tensor forward(const Tensor& x) override;
};

/// x (N, channels * height * width), in PyTorch's order of elements -> pictures (N, height, width, channels).
class Unflatten final : public Module {
 public:
  Unflatten(int64_t channels, int64_t height, int64_t width);
  std::string description() const override;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  int64_t channels_, height_, width_;
};

/// Modules one after the other. An activation behind a layer that can apply it is computed in that layer's
/// pass.
class Sequential : public Module {
 public:
  Sequential() = default;
  /// A new layer under its number.
  template <class Layer, class... Arguments>
  Sequential& add(Arguments&&... arguments) {
    return append(std::to_string(layers_.size()),
                  std::make_unique<Layer>(std::forward<Arguments>(arguments)...));
  }
  /// A layer under a name that no other one has: throws Error if one does.
  Sequential& append(const std::string& name, std::unique_ptr<Module> layer) {
    check(!has(name), "[Sequential] there is a layer '", name, "' already");
    layers_.push_back(std::move(layer));
    add_child(name, *layers_.back());
    return *this;
  }
  /// Whether a layer has this name.
  bool has(const std::string& name) const;
  std::string description() const override { return "Sequential"; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  std::vector<std::unique_ptr<Module>> layers_;
};

}  // namespace duel::nn
