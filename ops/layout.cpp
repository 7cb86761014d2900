#include "ops/layout.h"

#include <utility>

#include "lib/autograd.h"
#include "lib/kernels.h"

namespace duel {
namespace {

struct ReshapeNode final : Node {
  const char* name() const override { return "reshape"; }
  void backward(const Tensor& dy) override { pass(0, dy); }
  void release() override {}
};

// dx is dy permuted by the inverse permutation.
struct PermuteNode final : Node {
  std::vector<int> inverse;

  const char* name() const override { return "permute"; }
  void backward(const Tensor& dy) override {
    const Target dx = target(0);
    kernels(dy.device()).permute(dy, inverse, dx.tensor, dx.write);
  }
  void release() override {}
};

/// Elements start .. start+length-1 of dimension `dim` of `whole`, as runs into (or, swapped, out of) `part`.
Kernels::Runs part_of(const Shape& whole, int dim, int64_t start, int64_t length) {
  int64_t outer = 1, inner = 1;
  for (int i = 0; i < dim; ++i) outer *= whole[i];
  for (int i = dim + 1; i < whole.dims(); ++i) inner *= whole[i];
  return {outer, length * inner, start * inner, whole[dim] * inner, 0, length * inner};
}

Kernels::Runs swapped(const Kernels::Runs& runs) {
  return {runs.count, runs.length, runs.y_start, runs.y_stride, runs.x_start, runs.x_stride};
}

// dx is dy at the slice and 0 elsewhere.
struct SliceNode final : Node {
  Kernels::Runs runs;

  const char* name() const override { return "slice"; }
  void backward(const Tensor& dy) override {
    const Target dx = target(0);
    if (dx.write == Write::Set) dx.tensor.fill(0);
    kernels(dy.device()).copy_runs(swapped(runs), dy, dx.tensor, Write::Add);
  }
  void release() override {}
};

// The gradient of each part is its slice of dy.
struct ConcatenateNode final : Node {
  std::vector<Kernels::Runs> runs;

  const char* name() const override { return "concatenate"; }
  void backward(const Tensor& dy) override {
    for (size_t i = 0; i < runs.size(); ++i) {
      if (!needs(i)) continue;
      const Target part = target(i);
      kernels(dy.device()).copy_runs(runs[i], dy, part.tensor, part.write);
    }
  }
  void release() override {}
};

int check_dim(const char* op, const Tensor& x, int dim) {
  check_floating(op, "x", x);
  check(dim >= 0 && dim < x.dims(), "[", op, "] dim ", dim, " is beyond shape ", x.shape());
  return dim;
}

}  // namespace

Tensor reshape(const Tensor& x, const Shape& shape) {
  check(x.defined() && shape.numel() == x.numel(), "[reshape] shape ", shape,
        " does not hold the elements of x", x.defined() ? ", which has shape " + x.shape().str() : "");
  const Tensor y = x.detach().view(shape);
  if (needs_grad({x})) record(y, std::make_shared<ReshapeNode>(), {x});
  return y;
}

Tensor permute(const Tensor& x, const std::vector<int>& dims) {
  const bool bytes_of_host = x.defined() && x.dtype() == DType::UInt8 && x.device() == Device{};
  if (!bytes_of_host) check_floating("permute", "x", x);
  check(x.dims() > 0 && static_cast<int>(dims.size()) == x.dims(), "[permute] dims has ", dims.size(),
        " entries; it needs one for each dimension of shape ", x.shape(), ", and at least one");
  Shape shape;
  std::vector<int> inverse(dims.size(), -1);
  for (size_t i = 0; i < dims.size(); ++i) {
    check(dims[i] >= 0 && dims[i] < x.dims() && inverse[static_cast<size_t>(dims[i])] < 0,
          "[permute] dims must name each dimension of shape ", x.shape(), " once; entry ", i, " is ",
          dims[i]);
    inverse[static_cast<size_t>(dims[i])] = static_cast<int>(i);
    shape.append(x.dim(dims[i]));
  }
  const Tensor y = Tensor::empty(shape, x.dtype(), x.device());
  kernels(x.device()).permute(x, dims, y, Write::Set);
  if (needs_grad({x})) {
    auto node = std::make_shared<PermuteNode>();
    node->inverse = std::move(inverse);
    record(y, std::move(node), {x});
  }
  return y;
}

Tensor slice(const Tensor& x, int dim, int64_t start, int64_t length) {
  check_dim("slice", x, dim);
  check(start >= 0 && length >= 0 && length <= x.dim(dim) - start, "[slice] ", start, " + ", length,
        " is beyond dimension ", dim, " of shape ", x.shape());
  Shape shape = x.shape();
  shape[dim] = length;
  const Tensor y = Tensor::empty(shape, x.dtype(), x.device());
  const Kernels::Runs runs = part_of(x.shape(), dim, start, length);
  kernels(x.device()).copy_runs(runs, x, y, Write::Set);
  if (needs_grad({x})) {
    auto node = std::make_shared<SliceNode>();
    node->runs = runs;
    record(y, std::move(node), {x});
  }
  return y;
}

Tensor concatenate(const std::vector<Tensor>& tensors, int dim) {
  check(!tensors.empty(), "[concatenate] needs at least one tensor");
  check_dim("concatenate", tensors[0], dim);
  Shape shape = tensors[0].shape();
  shape[dim] = 0;
  for (const Tensor& tensor : tensors) {
    check_same_kind("concatenate", tensors[0], tensor);
    check_dim("concatenate", tensor, dim);
    Shape expected = tensors[0].shape();
    expected[dim] = tensor.dim(dim);
    check_shape("concatenate", "each tensor", tensor, expected);
    shape[dim] += tensor.dim(dim);
  }
  const Tensor y = Tensor::empty(shape, tensors[0].dtype(), tensors[0].device());
  auto node = std::make_shared<ConcatenateNode>();
  int64_t start = 0;
  for (const Tensor& tensor : tensors) {
    node->runs.push_back(part_of(shape, dim, start, tensor.dim(dim)));
    kernels(y.device()).copy_runs(swapped(node->runs.back()), tensor, y, Write::Set);
    start += tensor.dim(dim);
  }
  if (needs_grad(tensors)) record(y, std::move(node), tensors);
  return y;
}

}  // namespace duel
