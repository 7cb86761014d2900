// What the CUDA libraries answer, as duel::Error.
#pragma once

#include <cuda_runtime.h>

#include <string_view>

#include "lib/error.h"

namespace duel::cuda {

/// Throws Error: `call` answered `name`, which means `what`.
[[noreturn]] inline void fail_call(std::string_view call, const char* what, const char* name) {
  fail("[cuda] ", call.substr(0, call.find('(')), ": ", what, " (", name, ")");
}

/// Throws Error with the name of the call and what its answer means, unless it succeeded. A kernel's own
/// errors come to light at a later call: run under compute-sanitizer to find which kernel it was.
inline void expect(cudaError_t answer, const char* call) {
  if (answer != cudaSuccess) fail_call(call, cudaGetErrorString(answer), cudaGetErrorName(answer));
}

}  // namespace duel::cuda

#define DUEL_CUDA(call) ::duel::cuda::expect((call), #call)
