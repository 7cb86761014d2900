// Tensor: a handle on shared storage with a shape, an element type and a device.
//
// Copying a Tensor copies the handle, and const is of the handle: a const Tensor's elements can be written.
// Elements are contiguous, the last dimension runs fastest; images are channels-last, (N, H, W, C). A tensor
// may take part in the autograd graph: see lib/autograd.h.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/device.h"
#include "lib/dtype.h"
#include "lib/form.h"
#include "lib/shape.h"

namespace duel {

class CachingAllocator;
struct GradSlot;
struct Node;

/// A block of memory on one device. `version` counts the times that its contents were changed in place.
struct Storage {
  Storage(size_t bytes, Device device);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  CachingAllocator& allocator;
  const size_t bytes;
  const Device device;
  void* const data;
  uint64_t version = 0;

  /// The contents in another form, as those of a tensor of that shape: see Tensor::form().
  struct Copy {
    Form form;
    Shape shape;
    std::shared_ptr<Storage> storage;
  };
  std::vector<Copy> copies;
};

class Tensor {
 public:
  /// No tensor: of it only defined() and requires_grad() may be asked, all else throws.
  Tensor() = default;

  /// Elements are not initialised. Throws OutOfMemory where the device has no room.
  static Tensor empty(const Shape& shape, DType dtype = DType::Float32, Device device = {});
  /// Every element is `value`, converted to the type.
  static Tensor full(const Shape& shape, double value, DType dtype = DType::Float32, Device device = {});
  static Tensor zeros(const Shape& shape, DType dtype = DType::Float32, Device device = {}) {
    return full(shape, 0, dtype, device);
  }
  static Tensor empty_like(const Tensor& other) {
    return empty(other.shape(), other.dtype(), other.device());
  }
  /// A copy of `values`, row by row; as many as the shape has elements.
  template <class T>
  static Tensor from(std::span<const T> values, const Shape& shape, Device device = {}) {
    check(static_cast<int64_t>(values.size()) == shape.numel(), "[tensor] ", values.size(),
          " values do not fill the shape ", shape);
    Tensor tensor = empty(shape, dtype_of<T>(), device);
    tensor.upload(values.data());
    return tensor;
  }
  template <class T>
  static Tensor from(const std::vector<T>& values, const Shape& shape, Device device = {}) {
    return from(std::span<const T>(values), shape, device);
  }

  bool defined() const { return impl_ != nullptr; }
  const Shape& shape() const { return impl().shape; }
  int64_t dim(int i) const { return impl().shape[i]; }
  int dims() const { return impl().shape.dims(); }
  int64_t numel() const { return impl().shape.numel(); }
  size_t bytes() const { return static_cast<size_t>(numel()) * size_of(dtype()); }
  DType dtype() const { return impl().dtype; }
  Device device() const { return impl().storage->device; }

  void* raw() const { return static_cast<char*>(impl().storage->data) + impl().offset; }
  /// Its elements, on its own device. Throws unless T is its element type.
  template <class T>
  T* data() const {
    check(dtype() == dtype_of<T>(), "[tensor] asked for ", name_of(dtype_of<T>()), ", the tensor holds ",
          name_of(dtype()));
    return static_cast<T*>(raw());
  }

  /// Overwrites its elements with bytes() bytes of the host's memory; counts as a change in place, as
  /// copy_from() and fill() do. These throw for the result of an operation that a gradient is still to pass:
  /// it would be that of the value before.
  void upload(const void* host) const;
  /// Copies its elements into bytes() bytes of the host's memory; waits for the device.
  void download(void* host) const;
  template <class T>
  std::vector<T> to_vector() const {
    std::vector<T> values(static_cast<size_t>(numel()));
    check(dtype() == dtype_of<T>(), "[tensor] asked for ", name_of(dtype_of<T>()), ", the tensor holds ",
          name_of(dtype()));
    download(values.data());
    return values;
  }
  /// Its only element. Waits for the device; throws unless it has exactly one.
  double item() const;
  /// Overwrites its elements with those of `source` (same shape and type, any device), outside the graph.
  void copy_from(const Tensor& source) const;
  /// Overwrites all elements with `value`, converted to its type; throws where a type of whole numbers has no
  /// such value.
  void fill(double value) const;

  // Unlike PyTorch's these lie outside the graph. While operations are recorded they throw for a tensor to
  // which a gradient flows, as none would flow through them: detach() first where that is meant.
  /// A copy of its own memory.
  Tensor clone() const;
  /// Itself where it already is there, else a copy.
  Tensor to(Device device) const;
  /// Itself where it already has that type, else a copy. Throws unless `dtype` is a floating type; bytes and
  /// whole numbers go there through the host's memory.
  Tensor to(DType dtype) const;
  /// The same elements in another shape with as many elements; reshape() in ops lets a gradient through.
  Tensor view(const Shape& shape) const;
  /// Elements first .. first+count-1 of the outermost dimension, sharing storage.
  Tensor rows(int64_t first, int64_t count) const;

  /// The same elements outside the graph.
  Tensor detach() const { return share(0, shape()); }

  uint64_t version() const { return impl().storage->version; }
  /// Whether no other tensor has this one's memory.
  bool sole_owner() const { return impl_.use_count() == 1 && impl_->storage.use_count() == 1; }
  /// Tells the graph that the elements were changed in place; kernels called by hand need it. `forms_too`:
  /// this tensor's own form_copy() of each form was changed alike.
  void mark_changed(bool forms_too = false) const;

  /// A float32 tensor's elements in another form, for reading. The copy is made when it is first asked for
  /// and from then on kept equal, whenever the elements are changed in place. But a part of a tensor, and one
  /// that is asked while the backend does not keep forms (Kernels::keeps_forms()), gets a copy of this
  /// moment.
  Tensor form(Form form) const;
  /// The copy that is kept, or undefined.
  Tensor form_copy(Form form) const;

  // ---- autograd ----
  /// Whether a gradient flows to it: it was asked to, or it was computed from a tensor to which one does.
  bool requires_grad() const { return defined() && impl_->grad_slot != nullptr; }
  /// Makes a leaf collect its gradient, or stop: the gradient it has is then out of sight until it is made to
  /// collect again. Throws on a tensor that an operation computed.
  Tensor& set_requires_grad(bool requires_grad);
  /// The gradient that backward() left on a leaf, or an undefined tensor.
  Tensor grad() const;
  /// Forgets the gradient; its memory is kept for the next one.
  void zero_grad() const;
  const std::shared_ptr<Node>& node() const { return impl().node; }
  const std::shared_ptr<GradSlot>& grad_slot() const { return impl().grad_slot; }
  /// Called by record() in lib/autograd.h: the tensor is the output of `node`.
  void set_node(std::shared_ptr<Node> node) const;

 private:
  struct Impl {
    std::shared_ptr<Storage> storage;
    size_t offset = 0;  // bytes
    Shape shape;
    DType dtype = DType::Float32;
    std::shared_ptr<Node> node;
    std::shared_ptr<GradSlot> grad_slot;
    std::shared_ptr<GradSlot> frozen_slot;  // of a leaf that has stopped collecting
  };
  Impl& impl() const {
    if (impl_ == nullptr) fail_undefined();
    return *impl_;
  }
  [[noreturn]] static void fail_undefined();
  void check_changeable(const char* method) const;
  void check_outside_graph(const char* method) const;
  bool is_whole() const;  // whether it has all of its storage
  Tensor share(size_t offset, const Shape& shape) const;
  static Tensor on(std::shared_ptr<Storage> storage, size_t offset, const Shape& shape, DType dtype);

  std::shared_ptr<Impl> impl_;
};

/// Throws "[op] name must have shape …, got …" unless the shapes agree.
void check_shape(const char* op, const char* name, const Tensor& tensor, const Shape& expected);
/// Throws unless the tensor holds numbers that its device computes with.
void check_floating(const char* op, const char* name, const Tensor& x);
/// Throws unless numbers can go from one of the types to the other.
void check_cast(const char* op, DType from, DType to);
/// Throws unless both are defined, on one device and of one type.
void check_same_kind(const char* op, const Tensor& a, const Tensor& b);
/// The same for an input that is computed with and a parameter, which has parameter_type() of its type.
void check_parameter_kind(const char* op, const Tensor& x, const Tensor& parameter);
/// A weight as products with x take it: itself, or as bfloat16 where x is.
Tensor weight_for(const Tensor& x, const Tensor& weight);

}  // namespace duel
