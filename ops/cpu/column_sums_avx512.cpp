#include "ops/cpu/column_sums_templates.h"
#include "ops/cpu/microkernel_avx512.h"

namespace duel::cpu {

extern const ColumnSums avx512_column_sums;
constinit const ColumnSums avx512_column_sums = ColumnSumsBody<Avx512>::table();

}  // namespace duel::cpu
