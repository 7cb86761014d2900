// Distances between two sets of points, and what they say of copies.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "lib/tensor.h"

namespace duel::quality {

/// The distances of a's rows (M, F) to b's rows (N, F): (M, N). By way of one matrix product. Infinite where
/// a row holds what is not a number, or numbers whose squares are too large.
Tensor distances(const Tensor& a, const Tensor& b);

/// Points of pictures; with those of their mirror images, where a picture and its mirror image are to count
/// as one, the distance to either is the lesser of the two.
struct Points {
  Tensor upright, mirrored;

  Points(Tensor points, Tensor of_mirror_images = {})
      : upright(std::move(points)), mirrored(std::move(of_mirror_images)) {}
  int64_t count() const { return upright.dim(0); }
};
Tensor distances(const Points& a, const Tensor& b);

/// Calls visit(number of the point, its distances to all of `others`), some points at a time: the matrix of
/// all would not always fit.
void for_each_row(const Points& points, const Tensor& others,
                  const std::function<void(int64_t point, const float* distances)>& visit);

/// For each row of `points` 1 if it is a copy, else 0: its nearest row of `training` is less than half as far
/// as the 50 nearest are on average (Carlini et al., "Extracting Training Data from Diffusion Models", 2023,
/// the distance for CIFAR-10, n = 50, alpha = 0.5). Fewer than 50 rows are all taken. `itself`, where it is
/// not empty, holds the row of `training` that each point itself is: it is left out.
std::vector<double> copies(const Points& points, const Tensor& training,
                           const std::vector<int64_t>& itself = {});

/// The row of `others` that is nearest to each of `points`.
std::vector<int64_t> nearest(const Points& points, const Tensor& others);

}  // namespace duel::quality
