#include "benchmarks/multiply_add_loop.h"

namespace duel::bench {

float multiply_add_portable(int64_t steps) { return multiply_add_loop<4>(steps); }

}  // namespace duel::bench
