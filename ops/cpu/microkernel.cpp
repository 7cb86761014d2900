#include "ops/cpu/microkernel.h"

namespace duel::cpu {

extern const Microkernels portable_microkernels;
#if defined(__x86_64__)
extern const Microkernels avx2_microkernels, avx512_microkernels, avx512bf16_microkernels,
    avx512amx_microkernels;
#endif

const Microkernels& microkernels([[maybe_unused]] Isa isa, [[maybe_unused]] bool bf16) {
#if defined(__x86_64__)
  if (isa == Isa::Amx && bf16) return avx512amx_microkernels;
  if (isa >= Isa::Avx512) return bf16 ? avx512bf16_microkernels : avx512_microkernels;
  if (isa == Isa::Avx2) return avx2_microkernels;
#endif
  return portable_microkernels;
}

}  // namespace duel::cpu
