// Initialisation of a network's parameters.
#pragma once

#include "lib/random.h"
#include "ops/nn/module.h"

namespace duel::nn {

/// The DCGAN paper's rule (Radford, Metz & Chintala, 2016): every weight with two or more dimensions ~ N(0,
/// std²), in the order of parameters() and in the order of elements used outside; batch norm's weights (one
/// dimension) ~ N(1, bn_std²), with 0 exactly 1; all biases 0.
void init_normal(Module& module, double std, RandomStream& stream, double bn_std = 0);

/// Glorot & Bengio's rule (2010), Keras' default: every weight with two or more dimensions uniform on ±sqrt(6
/// / (fan_in + fan_out)), in the same order; a fan is the number of input or of output channels, times the
/// taps of the kernel. Batch norm's weights 1; all biases 0.
void init_glorot_uniform(Module& module, RandomStream& stream);

}  // namespace duel::nn
