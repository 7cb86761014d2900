// Samples of a generator for judging it.
#pragma once

#include "apps/gan/config.h"
#include "ops/nn/module.h"

namespace duel::quality {

/// `count` pictures of `generator`, in evaluation mode, on the CPU. Their latents follow from the seed alone
/// and come from a stream that training does not draw from.
Tensor draw_samples(nn::Module& generator, const gan::Config& config, int64_t count, uint64_t seed,
                    Device device);

}  // namespace duel::quality
