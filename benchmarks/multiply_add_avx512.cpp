#include "benchmarks/multiply_add_loop.h"

namespace duel::bench {

float multiply_add_avx512(int64_t steps) { return multiply_add_loop<16>(steps); }

}  // namespace duel::bench
