#include "ops/dropout.h"

#include "ops/activations.h"
#include "ops/arithmetic.h"

namespace duel {

Tensor dropout(const Tensor& x, double p, bool training, RandomStream& random) {
  check_floating("dropout", "x", x);
  check(p >= 0 && p < 1, "[dropout] p must be in [0, 1), got ", p);
  if (!training || p == 0) return x;
  const Tensor mask = Tensor::empty_like(x);
  random.fill(mask, Bernoulli{1 - p, 1});
  return scale(mul(x, mask), 1 / (1 - p));
}

}  // namespace duel
