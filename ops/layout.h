// Operations that move elements without changing them. All but reshape take floating-point numbers; permute
// takes bytes of the host, too.
#pragma once

#include <span>
#include <vector>

#include "lib/tensor.h"

namespace duel {

/// The same elements, in their order, in another shape. Shares storage with x. Throws unless the shape has as
/// many elements.
Tensor reshape(const Tensor& x, const Shape& shape);
/// Dimension i of the result is dimension dims[i] of x. Throws unless dims is a permutation of 0 ..
/// x.dims()-1.
Tensor permute(const Tensor& x, const std::vector<int>& dims);
/// Elements start .. start+length-1 of dimension `dim`: a copy (PyTorch's narrow is a view). Throws unless x
/// has them.
Tensor slice(const Tensor& x, int dim, int64_t start, int64_t length);
/// The tensors, at least one, after one another along dimension `dim` (PyTorch's cat). Throws unless their
/// other dimensions, types and devices agree.
Tensor concatenate(const std::vector<Tensor>& tensors, int dim);

}  // namespace duel
