// Products of packed operands on all threads.
#pragma once

#include <cstddef>
#include <span>

#include "ops/cpu/gemm_blocks.h"

namespace duel::cpu {

constexpr size_t max_products = 16;

/// Computes up to max_products products at once; none may write what another one reads or writes.
/// The result does not depend on the number of threads.
void multiply(std::span<const Product> products);

}  // namespace duel::cpu
