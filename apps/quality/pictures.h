// Pictures of a set as tensors, and as points for which distances are quick to compute.
#pragma once

#include <cstdint>
#include <span>

#include "lib/data/dataset.h"
#include "lib/tensor.h"

namespace duel::quality {

/// The pictures of those numbers, (N, S, S, C) in [-1, 1].
Tensor read_pictures(const Dataset& data, std::span<const int64_t> which);
/// Each picture (N, S, S, C) as a mirror shows it, left to right.
Tensor mirrored(const Tensor& pictures);
/// Sides in pixels of what points are taken from.
constexpr int64_t point_side = 16;
/// Means of pixels: (N, S, S, C) -> (N, 16 * 16 * C), in the order of pictures (N, 16, 16, C).
Tensor points_of(const Tensor& pictures);
/// points_of() of pictures of a set, without holding them all.
Tensor read_points(const Dataset& data, std::span<const int64_t> which);

}  // namespace duel::quality
