// Binary cross-entropy, averaged over all elements. Formulas: lib/functors.h.
#pragma once

#include "lib/tensor.h"

namespace duel {

/// Mean of -(t log p + (1 - t) log(1 - p)) with p = sigmoid(logits): shape (). Stable for logits of any size.
/// logits and target have one shape; target, in [0, 1], gets no gradient.
Tensor bce_with_logits(const Tensor& logits, const Tensor& target);
/// The same for probabilities instead of logits; the logarithms are clamped at -100 from below,
/// as PyTorch's are.
Tensor bce(const Tensor& probabilities, const Tensor& target);

}  // namespace duel
