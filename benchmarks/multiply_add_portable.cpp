#include "benchmarks/multiply_add_loop.h"

namespace duel::bench {

float multiply_add_portable(int64_t steps) {
  typedef float Vector __attribute__((vector_size(16)));
  return multiply_add_loop<Vector>(steps);
}

}  // namespace duel::bench
