#include "ops/cpu/cpu_kernels.h"

#include <cblas.h>
#include <omp.h>

#include "ops/cpu/cpu_features.h"

namespace duel::cpu {

std::string CpuKernels::description() const {
  return concat("CPU, ", omp_get_max_threads(), " threads, ", isa_name(active_isa()), "; OpenBLAS for ",
                openblas_get_corename());
}

void set_threads(int count) {
  omp_set_num_threads(count);
  openblas_set_num_threads(count);
}

}  // namespace duel::cpu
