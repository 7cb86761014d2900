// What the machine can do at most, measured: the yardstick of all benchmarks.
#pragma once

#include <string>
#include <vector>

#include "ops/cpu/cpu_features.h"

namespace duel::bench {

/// The best of several short runs of multiply-adds on registers by `threads` threads, in GFLOP/s; a
/// multiply-add counts as two. Fused where the instruction set has them so.
double multiply_add_peak(cpu::Isa isa, int threads);
/// The best of several copies of a block much larger than the caches by `threads` threads, in GB/s; a byte
/// copied counts as two, one read and one written.
double copy_peak(int threads);

struct Peaks {
  double multiply_add = 0;  ///< of the instruction set that the kernels use, GFLOP/s
  double copy = 0;          ///< GB/s
};

/// Of as many threads as the kernels now use; measured when first asked for.
const Peaks& peaks();

/// A line for every instruction set that this machine has and for the copy, with one thread and with all.
std::vector<std::string> describe_peaks();

}  // namespace duel::bench
