// The microkernels for AVX-512 (compiled with its flags; reached only through the table).
#include "ops/cpu/microkernel_avx512.h"

#include "ops/cpu/microkernel_templates.h"

namespace duel::cpu {
extern const Microkernels avx512_microkernels;
constinit const Microkernels avx512_microkernels = Body<Avx512, 14>::table(Isa::Avx512);

}  // namespace duel::cpu
