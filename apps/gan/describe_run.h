// What a run is going to be, told before it begins: recipe, networks, work and time.
#pragma once

#include <cstdint>
#include <string>

#include "apps/gan/trainer.h"

namespace duel::gan {

/// Multiply-adds of one training iteration on one batch: D's step and G's step, without what is not computed
/// (see docs/decisions.md).
int64_t multiply_adds_per_iteration(Trainer& trainer);

/// What a recipe says beside its networks: pictures, z, optimisers, loss, labels, length; a line for each.
std::string describe_recipe(const Config& config);
/// The two networks as PyTorch prints them, with shapes and parameters.
std::string describe_networks(Trainer& trainer);
/// One line: work and memory of an iteration.
std::string describe_work(Trainer& trainer);
/// The seconds that `iterations` will take, judged by one forward of G.
double expected_seconds(Trainer& trainer, int64_t iterations);

}  // namespace duel::gan
