#include "ops/cpu/column_sums_templates.h"
#include "ops/cpu/microkernel_portable.h"

namespace duel::cpu {

extern const ColumnSums portable_column_sums;
constinit const ColumnSums portable_column_sums = ColumnSumsBody<Portable>::table();

}  // namespace duel::cpu
