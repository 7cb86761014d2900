// Arithmetic of two tensors of one shape, element by element.
#pragma once

#include "lib/tensor.h"

namespace duel {

/// a + b. Throws unless shape, type and device agree: nothing is broadcast.
Tensor add(const Tensor& a, const Tensor& b);
/// a - b.
Tensor sub(const Tensor& a, const Tensor& b);
/// a * b, element by element.
Tensor mul(const Tensor& a, const Tensor& b);

}  // namespace duel
