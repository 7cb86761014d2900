// Initialisation of a network's parameters.
#pragma once

#include "lib/random.h"
#include "ops/nn/module.h"

namespace duel::nn {

/// The DCGAN paper's rule (Radford, Metz & Chintala, 2016): every weight with two or more dimensions ~ N(0,
/// std²), in the order of parameters() and in the order of elements used outside; batch norm's weights (one
/// dimension) 1; all biases 0.
void init_normal(Module& module, double std, RandomStream& stream);

}  // namespace duel::nn
