#include "lib/tensor.h"

#include <cstdint>
#include <utility>

#include "lib/allocator.h"
#include "lib/autograd.h"
#include "lib/kernels.h"

namespace duel {

namespace {

/// Whole numbers of type T as floating ones, by way of the host.
template <class T>
Tensor numbers_as(const Tensor& numbers, DType dtype) {
  check(is_floating(dtype), "[to] goes to a floating type, not from ", name_of(numbers.dtype()), " to ",
        name_of(dtype));
  const std::vector<T> values = numbers.to_vector<T>();
  const Tensor exact = Tensor::from(std::vector<double>(values.begin(), values.end()), numbers.shape());
  return exact.to(dtype).to(numbers.device());
}

}  // namespace

Storage::Storage(size_t size, Device where)
    : allocator(kernels(where).allocator()), bytes(size), device(where), data(allocator.allocate(size)) {}

Storage::~Storage() { allocator.release(data, bytes); }

Tensor Tensor::empty(const Shape& shape, DType dtype, Device device) {
  const auto count = static_cast<size_t>(shape.numel());
  check(count <= PTRDIFF_MAX / size_of(dtype), "a tensor of ", name_of(dtype), " and shape ", shape,
        " has more bytes than can be addressed");
  const size_t bytes = count * size_of(dtype);
  return on(std::make_shared<Storage>(bytes, device), 0, shape, dtype);
}

Tensor Tensor::full(const Shape& shape, double value, DType dtype, Device device) {
  Tensor tensor = empty(shape, dtype, device);
  tensor.fill(value);
  return tensor;
}

void Tensor::fail_undefined() {
  fail(
      "[tensor] there is none: it was never made, or is the gradient of a tensor to which none has come "
      "(defined() tells)");
}

/// Throws where a change in place would leave a graph with a gradient of what was there before.
void Tensor::check_changeable(const char* method) const {
  const std::shared_ptr<Node>& maker = node();
  check(!maker || maker->used, "[", method, "] the result of ", maker ? maker->name() : "",
        " is part of a graph that waits for its backward; change a clone() of its detach()");
}

void Tensor::check_outside_graph(const char* method) const {
  check(!is_recording() || !requires_grad(), "[", method,
        "] no gradient would flow through it to this tensor, ", "of shape ", shape(),
        "; reshape() keeps the graph, detach() leaves it");
}

void Tensor::upload(const void* host) const {
  check_changeable("upload");
  kernels(device()).upload(host, *this);
  mark_changed();
}

void Tensor::download(void* host) const { kernels(device()).download(*this, host); }

double Tensor::item() const {
  check(numel() == 1, "[item] needs a tensor with one element, got shape ", shape());
  switch (dtype()) {
    case DType::Float32:
      return static_cast<double>(to_vector<float>()[0]);
    case DType::Float64:
      return to_vector<double>()[0];
    case DType::BFloat16:
      return static_cast<double>(static_cast<float>(to_vector<BFloat16>()[0]));
    case DType::UInt8:
      return static_cast<double>(to_vector<uint8_t>()[0]);
    default:
      return static_cast<double>(to_vector<int64_t>()[0]);
  }
}

void Tensor::copy_from(const Tensor& source) const {
  check_changeable("copy_from");
  check_shape("copy_from", "source", source, shape());
  check(dtype() == source.dtype(), "[copy_from] source holds ", name_of(source.dtype()), ", the target ",
        name_of(dtype()));
  if (device() == source.device()) {
    kernels(device()).copy(source, *this);
  } else {
    std::vector<uint8_t> host(bytes());
    source.download(host.data());
    kernels(device()).upload(host.data(), *this);
  }
  mark_changed();
}

void Tensor::fill(double value) const {
  check_changeable("fill");
  constexpr double beyond = 9223372036854775808.0;  // 2^63, the first that is none of int64
  const double low = dtype() == DType::UInt8 ? 0 : -beyond, high = dtype() == DType::UInt8 ? 256 : beyond;
  check(is_floating(dtype()) || (value >= low && value < high), "[fill] ", name_of(dtype()), " has no ",
        value);
  kernels(device()).fill(*this, value);
  mark_changed();
}

Tensor Tensor::clone() const {
  check_outside_graph("clone");
  Tensor copy = empty_like(*this);
  kernels(device()).copy(*this, copy);
  return copy;
}

Tensor Tensor::to(Device device) const {
  if (device == this->device()) return *this;
  check_outside_graph("to");
  Tensor copy = empty(shape(), dtype(), device);
  copy.copy_from(*this);
  return copy;
}

Tensor Tensor::to(DType dtype) const {
  if (dtype == this->dtype()) return *this;
  check_outside_graph("to");
  if (this->dtype() == DType::UInt8) return numbers_as<uint8_t>(*this, dtype);
  if (this->dtype() == DType::Int64) return numbers_as<int64_t>(*this, dtype);
  check_cast("to", this->dtype(), dtype);
  Tensor copy = empty(shape(), dtype, device());
  kernels(device()).cast(*this, copy, Write::Set);
  return copy;
}

Tensor Tensor::on(std::shared_ptr<Storage> storage, size_t offset, const Shape& shape, DType dtype) {
  Tensor tensor;
  tensor.impl_ = std::make_shared<Impl>();
  tensor.impl_->storage = std::move(storage);
  tensor.impl_->offset = offset;
  tensor.impl_->shape = shape;
  tensor.impl_->dtype = dtype;
  return tensor;
}

Tensor Tensor::share(size_t offset, const Shape& shape) const {
  return on(impl_->storage, impl_->offset + offset, shape, dtype());
}

Tensor Tensor::view(const Shape& shape) const {
  check_outside_graph("view");
  check(shape.numel() == numel(), "[view] shape ", shape, " has ", shape.numel(),
        " elements, the tensor of shape ", this->shape(), " has ", numel());
  return share(0, shape);
}

Tensor Tensor::rows(int64_t first, int64_t count) const {
  check_outside_graph("rows");
  check(dims() > 0 && first >= 0 && count >= 0 && count <= dim(0) - first, "[rows] ", first, " + ", count,
        " is beyond the outermost dimension of shape ", shape());
  Shape part = shape();
  part[0] = count;
  const size_t row_bytes = dim(0) ? bytes() / static_cast<size_t>(dim(0)) : 0;
  return share(static_cast<size_t>(first) * row_bytes, part);
}

bool Tensor::is_whole() const { return impl_->offset == 0 && bytes() == impl_->storage->bytes; }

void Tensor::mark_changed(bool forms_too) const {
  const std::shared_ptr<Storage>& storage = impl_->storage;
  ++storage->version;
  for (const auto& [form, shape, copy] : storage->copies) {
    if (forms_too && is_whole() && shape == this->shape()) continue;
    kernels(device()).write_form(on(storage, 0, shape, DType::Float32), form,
                                 on(copy, 0, form_shape(form, shape), form_type(form)));
  }
}

Tensor Tensor::form(Form form) const {
  check(dtype() == DType::Float32, "[form] needs a tensor of float32, got ", name_of(dtype()));
  if (const Tensor copy = form_copy(form); copy.defined()) return copy;
  const Tensor copy = empty(form_shape(form, shape()), form_type(form), device());
  kernels(device()).write_form(*this, form, copy);
  if (is_whole() && kernels(device()).keeps_forms())
    impl_->storage->copies.push_back({form, shape(), copy.impl_->storage});
  return copy;
}

Tensor Tensor::form_copy(Form form) const {
  if (!is_whole()) return {};
  for (const Storage::Copy& copy : impl_->storage->copies) {
    if (copy.form == form && copy.shape == shape())
      return on(copy.storage, 0, form_shape(form, shape()), form_type(form));
  }
  return {};
}

Tensor& Tensor::set_requires_grad(bool requires_grad) {
  check(!node(), "[set_requires_grad] only a leaf can be told; detach() the result of ",
        impl_->node ? impl_->node->name() : "", " first");
  if (!requires_grad) {
    if (impl_->grad_slot) impl_->frozen_slot = std::move(impl_->grad_slot);
  } else if (impl_->frozen_slot) {
    impl_->grad_slot = std::move(impl_->frozen_slot);
  } else if (!impl_->grad_slot) {
    check(dtype() == DType::Float32 || dtype() == DType::Float64, "[set_requires_grad] a tensor of ",
          name_of(dtype()), " has no gradient");
    impl_->grad_slot = std::make_shared<GradSlot>();
    impl_->grad_slot->shape = shape();
    impl_->grad_slot->dtype = dtype();
    impl_->grad_slot->device = device();
  }
  return *this;
}

Tensor Tensor::grad() const {
  const auto& slot = grad_slot();
  return slot && slot->filled ? slot->tensor : Tensor();
}

void Tensor::zero_grad() const {
  for (const auto& slot : {impl().grad_slot, impl().frozen_slot}) {
    if (!slot) continue;
    slot->filled = false;
    // Who holds the gradient keeps what it was.
    if (slot->shared || !slot->tensor.sole_owner()) slot->tensor = {};
    slot->shared = false;
  }
}

void Tensor::set_node(std::shared_ptr<Node> node) const {
  impl_->grad_slot = node->output;
  impl_->node = std::move(node);
}

void check_shape(const char* op, const char* name, const Tensor& tensor, const Shape& expected) {
  check(tensor.defined(), "[", op, "] ", name, " is missing; it must have shape ", expected);
  check(tensor.shape() == expected, "[", op, "] ", name, " must have shape ", expected, ", got ",
        tensor.shape());
}

namespace {

void check_one_device(const char* op, const Tensor& a, const Tensor& b) {
  check(a.device() == b.device(), "[", op, "] inputs live on different devices: ", a.device(), " and ",
        b.device());
}

}  // namespace

void check_floating(const char* op, const char* name, const Tensor& x) {
  check(x.defined(), "[", op, "] ", name, " is missing");
  const DType type = x.dtype();
  const bool computes =
      type == DType::Float32 || type == DType::Float64 || (type == DType::BFloat16 && x.device() != Device{});
  check(computes, "[", op, "] ", name, " must hold float32 or float64, or bfloat16 on a card; got ",
        name_of(type), " of shape ", x.shape(), " on ", x.device(),
        is_floating(type) ? ": convert it by to(DType::Float32)" : "");
}

void check_cast(const char* op, DType from, DType to) {
  check(is_floating(from) && is_floating(to), "[", op, "] goes from one floating type to another, not from ",
        name_of(from), " to ", name_of(to));
}

void check_same_kind(const char* op, const Tensor& a, const Tensor& b) {
  check(a.defined() && b.defined(), "[", op, "] an input is missing");
  check(a.dtype() == b.dtype(), "[", op, "] inputs differ in type: ", name_of(a.dtype()), " and ",
        name_of(b.dtype()));
  check_one_device(op, a, b);
}

void check_parameter_kind(const char* op, const Tensor& x, const Tensor& parameter) {
  check_floating(op, "x", x);
  check(parameter.defined(), "[", op, "] an input is missing");
  check(parameter.dtype() == parameter_type(x.dtype()), "[", op,
        "] inputs differ in type: ", name_of(x.dtype()), " and ", name_of(parameter.dtype()),
        x.dtype() == DType::BFloat16 ? ", which goes with parameters of float32" : "");
  check_one_device(op, x, parameter);
}

Tensor weight_for(const Tensor& x, const Tensor& weight) {
  return x.dtype() == DType::BFloat16 ? weight.form(Form::BFloat16) : weight;
}

}  // namespace duel
