// Binary cross-entropy, averaged over all elements. Formulas: lib/functors.h.
#pragma once

#include "lib/tensor.h"

namespace duel {

/// Mean of -(t log p + (1 - t) log(1 - p)) with p = sigmoid(logits): shape (). Stable for logits of any size.
/// A target t may be any finite number; noisy labels lie a little outside [0, 1]. Throws unless logits and
/// target have one shape, type and device and at least one element, and if target requires a gradient.
Tensor bce_with_logits(const Tensor& logits, const Tensor& target);
/// The same for probabilities instead of logits; the logarithms are clamped at -100 from below and the
/// gradient's denominator p (1 - p) at 1e-12, as PyTorch's are. Beyond PyTorch, which refuses it, a
/// probability outside [0, 1] gives NaN: to look for one would wait for the device.
Tensor bce(const Tensor& probabilities, const Tensor& target);

}  // namespace duel
