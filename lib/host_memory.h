// Blocks of the host's memory for tensors and scratch.
#pragma once

#include <cstddef>

namespace duel {

/// A block aligned to 64 bytes, or null. From some megabytes on it is aligned to the large pages of x86-64
/// and AArch64, and Linux is asked to use them: a product walks through many rows and panels at once, and the
/// processor keeps few translations of small pages; and one page fault then brings 2 MiB.
void* allocate_host_memory(size_t bytes) noexcept;
void free_host_memory(void* block) noexcept;

}  // namespace duel
