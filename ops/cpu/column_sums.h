// Sums over the rows of a (rows, channels) array of floats, one table of functions per instruction set: what
// batch normalisation spends its time on. The sums of some columns stay in registers while all rows go by.
#pragma once

#include <cstdint>

#include "ops/cpu/cpu_features.h"

namespace duel::cpu {

/// What reaches the normalisation through a ReLU or LeakyReLU after it: dy where (x - mean) * scale + bias >
/// 0, and negative_slope * dy elsewhere (0 for a slope of 0). Without one, where scale is null, dy itself.
struct BatchNormGradient {
  const float *x, *dy, *mean;
  const float *scale, *bias;
  float negative_slope;
};

struct ColumnSums {
  /// sums[c] = the sum of x[r, c].
  void (*sum)(const float* x, int64_t rows, int64_t channels, float* sums);
  /// sums[c] = the sum of (x[r, c] - mean[c])^2.
  void (*squares)(const float* x, const float* mean, int64_t rows, int64_t channels, float* sums);
  /// With g the gradient: sums[c] = the sum of g, weighted[c] = that of g * (x - mean). `first` is the index
  /// of the first element.
  void (*gradients)(const BatchNormGradient& gradient, int64_t first, int64_t rows, int64_t channels,
                    float* sums, float* weighted);
};

/// Of an instruction set that this machine supports.
const ColumnSums& column_sums(Isa isa);

}  // namespace duel::cpu
