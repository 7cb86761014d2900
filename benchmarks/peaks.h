// What the machine can do at most, measured: the yardstick of all benchmarks.
#pragma once

#include <string>
#include <vector>

#include "lib/device.h"
#include "ops/cpu/cpu_features.h"

namespace duel::bench {

/// The best of several short runs of multiply-adds on registers by `threads` threads, in GFLOP/s; a
/// multiply-add counts as two. Fused where the instruction set has them so.
double multiply_add_peak(cpu::Isa isa, int threads);
/// The best of several copies of a block much larger than the caches by `threads` threads, in GB/s; a byte
/// copied counts as two, one read and one written.
double copy_peak(int threads);

/// The best of several products of large square matrices on a card in its present precision, in GFLOP/s; the
/// factors are float32 in memory.
double product_peak(Device card);
/// The best of several copies on a card of a block much larger than its caches, in GB/s; as copy_peak().
double device_copy_peak(Device card);

struct Peaks {
  double multiply_add = 0;  ///< GFLOP/s: of the CPU's instruction set in use, or of a card's products
  double copy = 0;          ///< GB/s
};

/// Of as many threads as the kernels now use, or of a card; measured when first asked for.
const Peaks& peaks(Device device = {});

/// A line for every instruction set that this machine has and for the copy, with one thread and with all; of
/// a card, for its products and its copy.
std::vector<std::string> describe_peaks(Device device = {});

}  // namespace duel::bench
