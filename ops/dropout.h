// Dropout (Srivastava et al., 2014), inverted as PyTorch's: the survivors are scaled up in training.
#pragma once

#include "lib/random.h"
#include "lib/tensor.h"

namespace duel {

/// In training each element is 0 with probability p, else x / (1 - p), by the next numbers of `random`; in
/// evaluation x itself. Throws unless 0 <= p < 1.
Tensor dropout(const Tensor& x, double p, bool training, RandomStream& random);

}  // namespace duel
