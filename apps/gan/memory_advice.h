// What to do where a run does not fit into a device's memory.
#pragma once

#include <string>

#include "apps/gan/config.h"
#include "lib/data/dataset.h"
#include "lib/device.h"

namespace duel::gan {

/// " (--batch-size N would fit)", or that none would, for the message of an OutOfMemory; without a number
/// where it cannot be told. To be asked when the failed iteration is gone: it runs a few small ones, of a
/// scratch pair of networks, and extends the memory that they took to what is free beside the set.
std::string advice_for_memory(const Config& config, const Dataset& data, Device device);

}  // namespace duel::gan
