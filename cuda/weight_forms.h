// Weights as products of warpgroups fetch them in TF32: rounded, as they would only cut off what TF32 has
// not, and for the data gradient turned, as they read along k alone, which there runs over oc. See
// Tensor::form().
#pragma once

#include <span>

#include "cuda/queue.h"
#include "lib/kernels.h"

namespace duel::cuda {

/// Writes what the parameters have of these forms, after the parameters have changed.
void write_tf32_forms(const Queue& queue, std::span<const ParameterState> parameters);

}  // namespace duel::cuda
