#include "ops/nn/module.h"

#include "lib/autograd.h"
#include "ops/layout.h"

namespace duel::nn {
namespace {

thread_local const Module::Observer* current_observer = nullptr;

std::string dotted(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + "." + name;
}

}  // namespace

Tensor Module::operator()(const Tensor& x) {
  if (!x.defined()) fail("[", description(), "] x is missing");
  Tensor y = forward(x);
  if (current_observer) (*current_observer)(*this, x.shape(), y.shape());
  return y;
}

bool Module::observed() { return current_observer != nullptr; }

void Module::trace(Module& module, const Shape& input, const Observer& observer) {
  const NoGrad no_graph;
  const auto parameters = module.parameters();
  const Tensor zeros = parameters.empty() ? Tensor::zeros(input)
                                          : Tensor::zeros(input, parameters[0].tensor->dtype(),
                                                          parameters[0].tensor->device());
  const Evaluating evaluating(module);
  struct Observed {
    ~Observed() { current_observer = nullptr; }
  } observed;
  current_observer = &observer;
  module(zeros);
}

Evaluating::Evaluating(Module& module) : modes_{{&module, module.training_}} {
  for (size_t i = 0; i < modes_.size(); ++i) {
    for (const auto& [name, child] : modes_[i].first->children_) modes_.emplace_back(child, child->training_);
  }
  module.eval();
}

Evaluating::~Evaluating() {
  for (const auto& [module, training] : modes_) module->training_ = training;
}

Frozen::Frozen(Module& module) {
  for (const NamedTensor& parameter : module.parameters()) {
    if (parameter.tensor->requires_grad()) learning_.push_back(*parameter.tensor);
  }
  for (Tensor& parameter : learning_) parameter.set_requires_grad(false);
}

Frozen::~Frozen() {
  for (Tensor& parameter : learning_) parameter.set_requires_grad(true);
}

void Module::collect(const std::string& prefix, bool with_buffers, std::vector<NamedTensor>& out) const {
  for (const auto* own : {&parameters_, &buffers_}) {
    if (own == &buffers_ && !with_buffers) continue;
    for (const NamedTensor& entry : *own)
      out.push_back({dotted(prefix, entry.name), entry.tensor, entry.layout});
  }
  for (const auto& [name, child] : children_) child->collect(dotted(prefix, name), with_buffers, out);
}

std::vector<NamedTensor> Module::parameters(const std::string& prefix) const {
  std::vector<NamedTensor> out;
  collect(prefix, false, out);
  return out;
}

std::vector<NamedTensor> Module::state(const std::string& prefix) const {
  std::vector<NamedTensor> out;
  collect(prefix, true, out);
  return out;
}

int64_t Module::parameter_count() const {
  int64_t count = 0;
  for (const NamedTensor& parameter : parameters()) count += parameter.tensor->numel();
  return count;
}

void Module::train(bool training) {
  training_ = training;
  for (const auto& [name, child] : children_) child->train(training);
}

void Module::set_requires_grad(bool requires_grad) {
  for (const NamedTensor& parameter : parameters()) parameter.tensor->set_requires_grad(requires_grad);
}

void Module::replace_tensors(const std::function<Tensor(const Tensor&)>& change) {
  const NoGrad no_graph;
  const std::vector<NamedTensor> all = state();
  std::vector<Tensor> changed;
  for (const NamedTensor& entry : all) {
    changed.push_back(change(*entry.tensor));
    if (entry.tensor->requires_grad()) changed.back().set_requires_grad(true);
  }
  for (size_t i = 0; i < all.size(); ++i) *all[i].tensor = changed[i];
}

// Counters stay on the host: nothing on a device reads them.
void Module::to(Device device) {
  replace_tensors(
      [&](const Tensor& tensor) { return tensor.dtype() == DType::Int64 ? tensor : tensor.to(device); });
}

void Module::to(DType dtype) {
  replace_tensors(
      [&](const Tensor& tensor) { return tensor.dtype() == DType::Int64 ? tensor : tensor.to(dtype); });
}

namespace {

void check_there(const char* name, const Tensor& tensor) {
  check(tensor.defined(), "[module] ", name, " is added before it is made: give it a tensor first");
}

}  // namespace

void Module::add_parameter(const char* name, Tensor& tensor, Layout layout) {
  check_there(name, tensor);
  tensor.set_requires_grad(true);
  parameters_.push_back({name, &tensor, layout});
}

void Module::add_buffer(const char* name, Tensor& tensor) {
  check_there(name, tensor);
  buffers_.push_back({name, &tensor, Layout::Plain});
}

Shape outside_shape(const Shape& inside, Layout layout) {
  return layout == Layout::ConvWeight ? Shape{inside[0], inside[3], inside[1], inside[2]} : inside;
}

Tensor to_outside(const Tensor& tensor, Layout layout) {
  const NoGrad no_graph;
  const Tensor host = tensor.detach().to(Device{});
  return layout == Layout::ConvWeight ? permute(host, {0, 3, 1, 2}) : host;
}

Tensor from_outside(const Tensor& tensor, Layout layout) {
  const NoGrad no_graph;
  return layout == Layout::ConvWeight ? permute(tensor, {0, 2, 3, 1}) : tensor;
}

}  // namespace duel::nn
