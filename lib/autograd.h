// Reverse-mode automatic differentiation on a graph of nodes.
//
// An operation that computes y from inputs to which gradients flow hangs a Node on y. backward(loss) visits
// the nodes from the loss towards the leaves, each after all nodes that use its output, and each adds its
// share to the gradients of its inputs. What a node saved for that is freed as soon as it has been used, so
// one graph serves one backward. Gradients are not themselves differentiable.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <vector>

#include "lib/tensor.h"
#include "lib/write.h"

namespace duel {

/// Where the gradient of one tensor is gathered.
struct GradSlot {
  Tensor tensor;        ///< memory of the gradient; may be there while `filled` is not
  bool filled = false;  ///< whether `tensor` holds a gradient
  bool shared = false;  ///< whether `tensor` is somebody else's memory, to be copied before it is written
  bool beside = false;  ///< whether it is being written beside other work: see Node::beside()

  Shape shape;
  DType dtype = DType::Float32;
  Device device;
};

/// A tensor kept for backward. Reading it throws if the graph was already used or the tensor changed since.
class Saved {
 public:
  Saved() = default;
  explicit Saved(const Tensor& tensor) : tensor_(tensor.detach()), version_(tensor.version()) {}
  const Tensor& get(const char* op) const;
  void release() { tensor_ = {}; }

 private:
  Tensor tensor_;
  uint64_t version_ = 0;
};

/// One use of an operation. Derived nodes hold what their backward needs, visibly, as members.
struct Node {
  struct Edge {
    std::shared_ptr<Node> producer;  ///< null for a leaf
    std::shared_ptr<GradSlot> slot;  ///< null if no gradient flows to this input
  };

  /// Where to put the gradient of one input, and whether to overwrite or add.
  struct Target {
    Tensor& tensor;
    Write write;
  };

  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node();

  virtual const char* name() const = 0;
  /// Given the gradient of the output, writes the gradients of those inputs that need one.
  virtual void backward(const Tensor& dy) = 0;
  /// Frees what was saved.
  virtual void release() = 0;

  /// Whether a gradient flows to `input`: only then is target() or pass() to be called.
  bool needs(size_t input) const { return inputs[input].slot != nullptr; }
  /// Memory for its gradient, which the caller must write: from here on the gradient counts as there.
  Target target(size_t input) const;
  /// Calls compute(target(input)). A leaf's gradient is read by nobody before the backward is over: where the
  /// device can, it is computed beside those that others wait for (Kernels::beside()). Where input 0 needs no
  /// gradient, as in a network's first layer, no other waits: it then is computed in its place, and so beside
  /// the gradients that were given before.
  void beside(size_t input, const std::function<void(const Target&)>& compute) const;
  /// In place of target(), where its gradient is `value` itself: taken without a copy if none is there yet.
  void pass(size_t input, const Tensor& value) const;

  std::vector<Edge> inputs;
  std::shared_ptr<GradSlot> output;  ///< gathers dy
  const char* phase = nullptr;       ///< of its forward: see lib/profile.h
  bool used = false;
};

/// Whether an operation on these tensors has to be recorded.
bool needs_grad(const std::vector<Tensor>& inputs);

/// Makes `y` the output of `node`, computed from `inputs` (in the order of the node's input numbers). Throws
/// where `y` is part of the graph already: an input that was changed in place, say.
void record(const Tensor& y, std::shared_ptr<Node> node, const std::vector<Tensor>& inputs);

/// Computes the gradient of `root` with respect to every leaf that requires one and adds it to the leaf's
/// grad(). `seed` is the gradient of the result with respect to `root`; without it, `root` must have one
/// element, and 1 is taken. A root that is itself such a leaf gets the seed. Throws if no gradient flows to
/// `root`, on a second backward, and on a tensor changed in place; then a leaf has the gradients of those
/// operations that were done before. Threads may run it at the same time if their graphs have no tensor in
/// common, leaves included.
void backward(const Tensor& root, const Tensor& seed = {});

/// Whether this thread records operations: not within backward() nor where a NoGrad lives.
bool is_recording();

/// While one lives, operations of this thread are not recorded.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

}  // namespace duel
