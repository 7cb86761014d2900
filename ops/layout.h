// Operations that move elements without changing them; slice and concatenate take floating-point numbers.
#pragma once

#include <span>
#include <vector>

#include "lib/tensor.h"

namespace duel {

/// The same elements, in their order, in another shape with as many elements. Shares storage with x.
Tensor reshape(const Tensor& x, const Shape& shape);
/// Dimension i of the result is dimension dims[i] of x. Throws unless dims is a permutation of 0 ..
/// x.dims()-1.
Tensor permute(const Tensor& x, const std::vector<int>& dims);
/// Elements start .. start+length-1 of dimension `dim`.
Tensor slice(const Tensor& x, int dim, int64_t start, int64_t length);
/// The tensors one after the other along dimension `dim`; their other dimensions agree.
Tensor concatenate(const std::vector<Tensor>& tensors, int dim);

}  // namespace duel
