#include "ops/cpu/column_sums.h"

namespace duel::cpu {

extern const ColumnSums portable_column_sums;
#if defined(__x86_64__)
extern const ColumnSums avx2_column_sums, avx512_column_sums;
#endif

const ColumnSums& column_sums([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa >= Isa::Avx512) return avx512_column_sums;
  if (isa == Isa::Avx2) return avx2_column_sums;
#endif
  return portable_column_sums;
}

}  // namespace duel::cpu
