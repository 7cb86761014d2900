// The microkernels for AVX2 with FMA (compiled with its flags; reached only through the table).
#include "ops/cpu/microkernel_avx2.h"

#include "ops/cpu/microkernel_templates.h"

namespace duel::cpu {

extern const Microkernels avx2_microkernels;
constinit const Microkernels avx2_microkernels = [] {
  Microkernels table = Body<Avx2, 6>::table(Isa::Avx2);
  table.least_packed_panels = 8;  // with fewer, packing A costs more than it saves
  return table;
}();

}  // namespace duel::cpu
