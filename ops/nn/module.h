// Module: parameters, buffers and a forward, nested. Names and printed forms are PyTorch's.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/functors.h"
#include "lib/tensor.h"

namespace duel::nn {

/// How a tensor is stored outside the program, where everything follows PyTorch.
enum class Layout {
  Plain,
  /// Inside (A, KH, KW, B), outside (A, B, KH, KW): the weights of Conv2d and ConvTranspose2d.
  ConvWeight,
};

struct NamedTensor {
  std::string name;  ///< dotted path, "layer_1.0.weight"
  Tensor* tensor;    ///< the module's own handle: assigning to it replaces the tensor
  Layout layout = Layout::Plain;
};

class Module {
 public:
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// forward(), reported to the observer of this thread, if there is one.
  Tensor operator()(const Tensor& x);

  /// All parameters, in PyTorch's order: a module's own, then its children's.
  std::vector<NamedTensor> parameters(const std::string& prefix = "") const;
  /// Parameters and buffers (running statistics), in the order of PyTorch's state_dict().
  std::vector<NamedTensor> state(const std::string& prefix = "") const;
  int64_t parameter_count() const;

  /// Training mode (the initial one) or evaluation mode, for this module and all below.
  void train(bool training = true);
  void eval() { train(false); }
  bool training() const { return training_; }
  /// Freezes or unfreezes all parameters: a frozen network costs no weight gradients.
  void set_requires_grad(bool requires_grad);
  /// Moves all parameters and buffers; gradients and the graph stay behind, and so do optimisers: make them
  /// afterwards. All or none of them are moved.
  void to(Device device);
  void to(DType dtype);

  /// The class and its arguments as PyTorch prints them: "Linear(in_features=100, out_features=2048,
  /// bias=True)".
  virtual std::string description() const = 0;
  /// Multiply-adds of one forward with these shapes; 0 where nothing is multiplied and added.
  virtual int64_t multiply_adds(const Shape& /*input*/, const Shape& /*output*/) const { return 0; }

  /// The function that this layer is, if the layer before it may apply it in its own pass.
  virtual std::optional<Unary> as_activation() const { return {}; }
  /// forward() and then `activation` in one pass, by the layers that can.
  virtual std::optional<Tensor> forward_with(const Tensor& /*x*/, const Unary& /*activation*/) { return {}; }

  const std::vector<std::pair<std::string, Module*>>& children() const { return children_; }

  using Observer = std::function<void(const Module&, const Shape& input, const Shape& output)>;
  /// The forward of `module` on zeros of shape `input`, in evaluation mode and without a graph, each module's
  /// shapes reported as it returns. The modes are left as they were.
  static void trace(Module& module, const Shape& input, const Observer& observer);

 protected:
  Module() = default;
  virtual Tensor forward(const Tensor& x) = 0;
  /// Whether somebody looks at the shapes between layers: see trace().
  static bool observed();

  /// For the constructor of a derived class: names its members. The module keeps pointers to them. Throws for
  /// a tensor that is not there yet.
  void add_parameter(const char* name, Tensor& tensor, Layout layout = Layout::Plain);
  void add_buffer(const char* name, Tensor& tensor);
  void add_child(const std::string& name, Module& child) { children_.emplace_back(name, &child); }

 private:
  friend class Evaluating;
  void collect(const std::string& prefix, bool with_buffers, std::vector<NamedTensor>& out) const;
  void replace_tensors(const std::function<Tensor(const Tensor&)>& change);

  std::vector<NamedTensor> parameters_, buffers_;
  std::vector<std::pair<std::string, Module*>> children_;
  bool training_ = true;
};

/// A module in evaluation mode while this lives; then it and all below are again in the modes they were in.
class Evaluating {
 public:
  explicit Evaluating(Module& module);
  ~Evaluating();
  Evaluating(const Evaluating&) = delete;
  Evaluating& operator=(const Evaluating&) = delete;

 private:
  std::vector<std::pair<Module*, bool>> modes_;
};

/// A module whose parameters are frozen while this lives; then those that were not before are so no longer.
class Frozen {
 public:
  explicit Frozen(Module& module);
  ~Frozen();
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;

 private:
  std::vector<Tensor> learning_;
};

/// The shape that a tensor of shape `inside` has outside.
Shape outside_shape(const Shape& inside, Layout layout);
/// A tensor as it is stored outside (see Layout), on the host, or back into the form used inside.
Tensor to_outside(const Tensor& tensor, Layout layout);
Tensor from_outside(const Tensor& tensor, Layout layout);

/// The module as PyTorch prints it, with each layer's output shape (C x H x W) for an `input` of batch 1 and
/// its number of parameters in columns beside it, and a line with the totals.
std::string summary(Module& module, const std::string& name, const Shape& input);

}  // namespace duel::nn
