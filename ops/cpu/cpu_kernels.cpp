#include "ops/cpu/cpu_kernels.h"

#include <cblas.h>
#include <omp.h>

#include "lib/quote.h"
#include "ops/cpu/cpu_features.h"
#include "ops/cpu/microkernel.h"

namespace duel::cpu {

// Within the threads of a kernel nothing could be thrown.
CpuKernels::CpuKernels() { active_isa(); }

void CpuKernels::set_precision(Precision precision) {
  check(precision != Precision::Tf32, "[precision] tf32 is for cards; the CPU multiplies in fp32 or bf16");
  set_bf16(precision == Precision::Bf16);
}

std::string CpuKernels::description() const {
  const int threads = omp_get_max_threads();
  return concat("CPU, ", counted(threads, "thread"), ", ", isa_name(microkernels().isa),
                active_bf16() ? " with bfloat16 products" : "", "; OpenBLAS for ", openblas_get_corename());
}

void set_threads(int count) {
  omp_set_num_threads(count);
  openblas_set_num_threads(count);
}

}  // namespace duel::cpu
