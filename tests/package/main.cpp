// A project outside Duel that uses the installed package.
#include <cstdio>

#include "lib/tensor.h"
#include "ops/matmul.h"

int main() {
  const duel::Tensor x = duel::Tensor::full({2, 3}, 0.5);
  const duel::Tensor y = duel::matmul(x, duel::Tensor::full({3, 1}, 4));
  for (const float value : y.to_vector<float>()) {
    std::printf("%g\n", static_cast<double>(value));
    if (value != 6) return 1;
  }
}
