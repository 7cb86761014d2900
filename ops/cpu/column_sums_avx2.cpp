#include "ops/cpu/column_sums_templates.h"
#include "ops/cpu/microkernel_avx2.h"

namespace duel::cpu {

extern const ColumnSums avx2_column_sums;
constinit const ColumnSums avx2_column_sums = ColumnSumsBody<Avx2>::table();

}  // namespace duel::cpu
