// What the threads of a block have under way: asynchronous copies and products of their warps.
#pragma once

#include <cstddef>

namespace host_cuda {

/// A block of `threads` threads begins, with so much shared memory, which holds NaNs. `code` is the compute
/// capability that the kernel was compiled for, 90 for 9.0; warps may multiply in groups where `has_groups`.
void begin_block(unsigned threads, size_t shared_bytes, int code, bool has_groups);
/// All threads have come to a barrier or to their end.
void meet_at_barrier();
/// The block is at its end: nothing may be under way any more, and if it could have begun `early`, all of its
/// threads have to have waited for the work before its kernel.
void end_block(bool early);

}  // namespace host_cuda
