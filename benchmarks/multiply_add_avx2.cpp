#include "benchmarks/multiply_add_loop.h"

namespace duel::bench {

float multiply_add_avx2(int64_t steps) {
  typedef float Vector __attribute__((vector_size(32)));
  return multiply_add_loop<Vector>(steps);
}

}  // namespace duel::bench
