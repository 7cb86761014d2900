// The loop behind multiply_add_peak(), compiled once for each instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

namespace duel::bench {

/// Multiply-adds of vectors in one step of any of the loops below.
constexpr int multiply_add_chains = 12;

/// Runs `steps` steps; the result depends on all of them.
float multiply_add_portable(int64_t steps);
float multiply_add_avx2(int64_t steps);
float multiply_add_avx512(int64_t steps);

/// The loop on vectors of GCC's. Each chain waits for itself alone: twelve hide a latency of 4 to 6 cycles at
/// two a cycle, and fit the 16 registers of AVX2 beside the two constants.
template <class Vector>
float multiply_add_loop(int64_t steps) {
  Vector chain[multiply_add_chains];
  // Nothing that the compiler knows: a chain that begins at a fixed point of the step would not be computed.
  for (int c = 0; c < multiply_add_chains; ++c) chain[c] = Vector{} + static_cast<float>(c + steps);
  const Vector factor = Vector{} + 0.999f, addend = Vector{} + 0.001f;
  for (int64_t step = 0; step < steps; ++step) {
#pragma GCC unroll 12
    for (int c = 0; c < multiply_add_chains; ++c) chain[c] = chain[c] * factor + addend;
  }
  float sum = 0;
  for (const Vector& vector : chain) {
    for (size_t lane = 0; lane < sizeof(Vector) / sizeof(float); ++lane) sum += vector[lane];
  }
  return sum;
}

}  // namespace duel::bench
