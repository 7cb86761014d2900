// A number of threads for the length of a scope, for this project's loops and for the BLAS library.
#pragma once

#include <omp.h>

#include "ops/cpu/cpu_kernels.h"

namespace duel {

class WithThreads {
 public:
  explicit WithThreads(int count) : before_(omp_get_max_threads()) { cpu::set_threads(count); }
  ~WithThreads() { cpu::set_threads(before_); }
  WithThreads(const WithThreads&) = delete;
  WithThreads& operator=(const WithThreads&) = delete;

 private:
  int before_;
};

}  // namespace duel
