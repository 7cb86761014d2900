// Sum and mean over all elements.
#pragma once

#include "lib/tensor.h"

namespace duel {

/// The sum of all elements, shape (). Any shape.
Tensor sum(const Tensor& x);
/// The mean of all elements, shape (). Throws if there are none.
Tensor mean(const Tensor& x);

}  // namespace duel
