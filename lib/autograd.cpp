#include "lib/autograd.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "lib/kernels.h"
#include "lib/profile.h"

namespace duel {
namespace {

thread_local bool recording = true;

/// Memory for a gradient that is about to be written; afterwards the slot counts as filled.
Write open(GradSlot& slot) {
  if (std::exchange(slot.beside, false)) kernels(slot.device).join();
  if (slot.filled && slot.shared) slot.tensor = slot.tensor.clone();
  slot.shared = false;
  if (!slot.tensor.defined()) slot.tensor = Tensor::empty(slot.shape, slot.dtype, slot.device);
  slot.tensor.mark_changed();
  return std::exchange(slot.filled, true) ? Write::Add : Write::Set;
}

/// Adds `value` to the slot's gradient: taken without a copy where no memory is there yet.
void gather(GradSlot& slot, const Tensor& value) {
  if (slot.filled || slot.tensor.defined()) {
    const Write write = open(slot);
    Kernels& k = kernels(value.device());
    // Nothing else adds numbers of bfloat16 on the CPU.
    if (slot.dtype == DType::BFloat16 && value.device() == Device{})
      return k.cast(value.view(slot.shape), slot.tensor, write);
    return k.accumulate(value.view(slot.shape), slot.tensor, write);
  }
  slot.tensor = value.view(slot.shape);
  slot.filled = slot.shared = true;
}

void clear(GradSlot& slot) {
  slot.tensor = {};
  slot.filled = slot.shared = false;
}

/// Gives a leaf's gradient memory of its own where another tensor has it, too: the seed, or the gradient of
/// another leaf. Who changes one in place does not expect to change the other.
void separate(GradSlot& leaf) {
  if (!leaf.filled || !leaf.shared || leaf.tensor.sole_owner()) return;
  leaf.tensor = leaf.tensor.clone();
  leaf.shared = false;
}

/// Calls the node's backward. If it throws, gradients that it had opened for the first time hold nothing.
void run_backward(Node& node, const Tensor& dy) {
  std::vector<GradSlot*> empty;
  for (const Node::Edge& input : node.inputs) {
    if (input.slot && !input.slot->filled) empty.push_back(input.slot.get());
  }
  try {
    node.backward(dy);
  } catch (...) {
    for (GradSlot* slot : empty) {
      if (slot->shared) slot->tensor = {};
      slot->filled = slot->shared = false;
    }
    throw;
  }
}

/// Passes the gradient that a node has gathered on to its inputs, and frees what it held. Leaves whose
/// gradient is somebody else's memory, or is still being computed, are added to `leaves`.
void visit(Node& node, std::vector<std::shared_ptr<GradSlot>>& leaves) {
  check(!node.used, "[", node.name(),
        "] was part of a graph that an earlier backward used; compute its forward again, or detach() its "
        "result");
  node.used = true;  // also if what follows throws
  GradSlot& slot = *node.output;
  if (slot.filled) run_backward(node, slot.tensor);
  clear(slot);
  node.release();
  for (Node::Edge& input : node.inputs) {
    if (!input.producer && input.slot && (input.slot->shared || input.slot->beside))
      leaves.push_back(std::move(input.slot));
  }
  node.inputs.clear();
}

/// The nodes that the root depends on, each after all nodes that use it. Depth first, without recursion: a
/// graph may be deeper than the stack.
std::vector<std::shared_ptr<Node>> users_first(const std::shared_ptr<Node>& root) {
  std::vector<std::shared_ptr<Node>> order;
  std::unordered_set<const Node*> seen{root.get()};
  std::vector<std::pair<std::shared_ptr<Node>, size_t>> path{{root, 0}};
  while (!path.empty()) {
    auto& [node, next] = path.back();
    if (next == node->inputs.size()) {
      order.push_back(std::move(node));
      path.pop_back();
      continue;
    }
    const std::shared_ptr<Node>& producer = node->inputs[next++].producer;
    if (producer && seen.insert(producer.get()).second) path.emplace_back(producer, 0);
  }
  std::reverse(order.begin(), order.end());
  return order;
}

}  // namespace

const Tensor& Saved::get(const char* op) const {
  check(tensor_.defined(), "[", op,
        "] its saved tensors were freed: the graph serves one backward; compute the forward again");
  check(tensor_.version() == version_, "[", op, "] a tensor of shape ", tensor_.shape(),
        " that its gradient needs was changed in place after the forward (version ", tensor_.version(),
        ", saved at ", version_, "); run backward before changing it, or change a clone()");
  return tensor_;
}

// Nodes own their producers: destroying a long chain link by link would recurse once a link. A producer that
// is used twice is an orphan once the last edge to it is gone.
Node::~Node() {
  std::vector<std::shared_ptr<Node>> orphans;
  const auto take = [&orphans](std::vector<Edge>& edges) {
    for (Edge& edge : edges) {
      if (edge.producer) orphans.push_back(std::move(edge.producer));
    }
  };
  take(inputs);
  while (!orphans.empty()) {
    const std::shared_ptr<Node> node = std::move(orphans.back());
    orphans.pop_back();
    if (node.use_count() == 1) take(node->inputs);
  }
}

namespace {

GradSlot& slot_of(const Node& node, size_t input) {
  check(input < node.inputs.size() && node.needs(input), "[", node.name(),
        "] no gradient flows to its input ", input, ": ask needs(", input, ") before");
  return *node.inputs[input].slot;
}

}  // namespace

Node::Target Node::target(size_t input) const {
  GradSlot& slot = slot_of(*this, input);
  const Write write = open(slot);
  return {slot.tensor, write};
}

void Node::beside(size_t input, const std::function<void(const Target&)>& compute) const {
  GradSlot& slot = slot_of(*this, input);
  if (inputs[input].producer || !needs(0)) return compute(target(input));
  // What else was written to it beside is in order with what comes now.
  slot.beside = false;
  const Target leaf = target(input);
  slot.beside = true;
  kernels(leaf.tensor.device()).beside([&] { compute(leaf); });
}

void Node::pass(size_t input, const Tensor& value) const { gather(slot_of(*this, input), value); }

bool is_recording() { return recording; }

bool needs_grad(const std::vector<Tensor>& inputs) {
  return recording &&
         std::any_of(inputs.begin(), inputs.end(), [](const Tensor& input) { return input.requires_grad(); });
}

void record(const Tensor& y, std::shared_ptr<Node> node, const std::vector<Tensor>& inputs) {
  check(!y.requires_grad(), "[", node->name(), "] its result, of shape ", y.shape(),
        ", is part of a graph already; write it into a new tensor");
  for (const Tensor& input : inputs) {
    if (input.requires_grad()) {
      node->inputs.push_back({input.node(), input.grad_slot()});
    } else {
      node->inputs.emplace_back();
    }
  }
  node->output = std::make_shared<GradSlot>();
  node->output->shape = y.shape();
  node->output->dtype = y.dtype();
  node->output->device = y.device();
  node->phase = current_phase();
  y.set_node(std::move(node));
}

void backward(const Tensor& root, const Tensor& seed) {
  check(root.requires_grad(), "[backward] no gradient flows to this tensor: it was computed from ",
        "tensors that require none, or under NoGrad");
  if (seed.defined()) {
    check_shape("backward", "seed", seed, root.shape());
    check_same_kind("backward", root, seed);
  } else {
    check(root.numel() == 1, "[backward] a tensor of shape ", root.shape(),
          " needs a seed of that shape; only a single number has an obvious one");
  }
  const NoGrad no_recording_here;
  // A copy of what others hold: it may be a gradient that is added to meanwhile.
  const Tensor top = !seed.defined()     ? Tensor::full(root.shape(), 1, root.dtype(), root.device())
                     : seed.sole_owner() ? seed
                                         : seed.clone();
  if (!root.node()) {
    gather(*root.grad_slot(), top);
    return separate(*root.grad_slot());
  }
  check(!root.node()->used,
        "[backward] this graph was used already: one forward serves one backward; compute the ",
        "forward again");
  gather(*root.node()->output, top);
  ScopedPhase phase(current_phase());
  std::vector<std::shared_ptr<GradSlot>> leaves;  // those that share memory or are not done
  const auto finish_leaves = [&] {
    for (const std::shared_ptr<GradSlot>& leaf : leaves) {
      leaf->beside = false;
      separate(*leaf);
    }
  };
  const std::vector<std::shared_ptr<Node>> order = users_first(root.node());
  try {
    for (const std::shared_ptr<Node>& node : order) {
      phase.change(node->phase);
      visit(*node, leaves);
    }
  } catch (...) {
    for (const std::shared_ptr<Node>& node : order) clear(*node->output);  // a later backward may visit them
    kernels(root.device()).join_after_failure();
    finish_leaves();
    throw;
  }
  kernels(root.device()).join();
  finish_leaves();
}

NoGrad::NoGrad() : before_(std::exchange(recording, false)) {}
NoGrad::~NoGrad() { recording = before_; }

}  // namespace duel
