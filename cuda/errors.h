// What the CUDA libraries answer, as duel::Error.
#pragma once

#include <cuda_runtime.h>

#include <string_view>

#include "lib/allocator.h"
#include "lib/error.h"

namespace duel::cuda {

/// Throws Error: `call` answered `name`, which means `what`.
[[noreturn]] inline void fail_call(std::string_view call, const char* what, const char* name) {
  fail("[cuda] ", call.substr(0, call.find('(')), ": ", what, " (", name, ")");
}

/// Throws OutOfMemory: `call` found no room for what the library itself keeps on the device.
[[noreturn]] inline void fail_for_memory(std::string_view call) {
  throw OutOfMemory(concat("out of memory: ", call.substr(0, call.find('(')),
                           " found no room on the device; smaller batches need less"));
}

/// Throws Error with the name of the call and what its answer means, unless it succeeded. A kernel's own
/// errors come to light at a later call: run under compute-sanitizer to find which kernel it was.
inline void expect(cudaError_t answer, const char* call) {
  if (answer == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // reported here; the next call must not report it again
    fail_for_memory(call);
  }
  if (answer != cudaSuccess) fail_call(call, cudaGetErrorString(answer), cudaGetErrorName(answer));
}

}  // namespace duel::cuda

#define DUEL_CUDA(call) ::duel::cuda::expect((call), #call)
