// The same numbers in another type.
#pragma once

#include "lib/tensor.h"

namespace duel {

/// x in type `dtype`, which may be bfloat16: rounded to the nearest where that has fewer digits. x itself
/// where it is of that type already. The gradient is rounded on its way back in the same manner. Throws where
/// one of the types is not floating.
Tensor cast(const Tensor& x, DType dtype);

}  // namespace duel
