#include "benchmarks/multiply_add_loop.h"

namespace duel::bench {

float multiply_add_avx2(int64_t steps) { return multiply_add_loop<8>(steps); }

}  // namespace duel::bench
