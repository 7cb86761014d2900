// How much memory the machine can still give.
#pragma once

#include <cstdint>

namespace duel {

/// Bytes that this process may still take without swapping: what the kernel calls MemAvailable, and no more
/// than the limit of the process's container.
int64_t available_memory();

}  // namespace duel
