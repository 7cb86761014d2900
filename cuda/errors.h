// What the CUDA libraries answer, as duel::Error.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <string>

#include "lib/error.h"

namespace duel::cuda {

/// Throws Error with the name of the call and what its answer means, unless it succeeded. A kernel's own
/// errors come to light at a later call: run under compute-sanitizer to find which kernel it was.
inline void expect(cudaError_t answer, const char* call) {
  if (answer == cudaSuccess) return;
  fail("[cuda] ", std::string(call).substr(0, std::string(call).find('(')), ": ", cudaGetErrorString(answer),
       " (", cudaGetErrorName(answer), ")");
}
inline void expect(cublasStatus_t answer, const char* call) {
  if (answer == CUBLAS_STATUS_SUCCESS) return;
  fail("[cuda] ", std::string(call).substr(0, std::string(call).find('(')), ": ",
       cublasGetStatusString(answer), " (", cublasGetStatusName(answer), ")");
}

}  // namespace duel::cuda

#define DUEL_CUDA(call) ::duel::cuda::expect((call), #call)
