// The microkernels for any processor.
#include "ops/cpu/microkernel_portable.h"

#include "ops/cpu/microkernel_templates.h"

namespace duel::cpu {

extern const Microkernels portable_microkernels;
constinit const Microkernels portable_microkernels = Body<Portable, 6>::table(Isa::Portable);

}  // namespace duel::cpu
