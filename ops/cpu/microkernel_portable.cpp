// The microkernels for any processor.
#include "ops/cpu/microkernel_portable.h"

#include "ops/cpu/microkernel_templates.h"

namespace duel::cpu {

// A row of a tile is two sums, and what these are made of wants registers as well. There are 16; 64-bit ARM
// has 32, of which g++ 12 spills some from eleven rows on.
#if defined(__aarch64__)
constexpr int tile_rows = 10;
#else
constexpr int tile_rows = 6;
#endif

extern const Microkernels portable_microkernels;
constinit const Microkernels portable_microkernels = Body<Portable, tile_rows>::table(Isa::Portable);

}  // namespace duel::cpu
