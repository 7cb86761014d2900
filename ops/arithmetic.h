// Arithmetic of two tensors of one shape, element by element.
#pragma once

#include "lib/tensor.h"

namespace duel {

// All throw unless shape, type and device agree: nothing is broadcast.

/// a + b.
Tensor add(const Tensor& a, const Tensor& b);
/// a - b.
Tensor sub(const Tensor& a, const Tensor& b);
/// a * b.
Tensor mul(const Tensor& a, const Tensor& b);

}  // namespace duel
