// Numbers that compare two sets of points by their nearest neighbours.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/tensor.h"

namespace duel::quality {

/// The distances of a's rows (M, F) to b's rows (N, F): (M, N). By way of one matrix product.
Tensor distances(const Tensor& a, const Tensor& b);

/// For each k and each row of `points` (N, F) the distance to its k-th nearest other row: result[i][row] is
/// that of ks[i]. Throws Error unless there are more than k rows.
std::vector<std::vector<double>> neighbour_radii(const Tensor& points, const std::vector<int64_t>& ks);

/// One value for each point whose mean is the number of that name; precision and density have one for each
/// sample, recall and coverage one for each real.
struct Manifold {
  std::vector<double> precision, recall, density, coverage;
};

/// Improved precision and recall (Kynkaanniemi, Karras, Laine, Lehtinen & Aila, 2019) with k = 3: the share
/// of samples inside some real's ball, and of reals inside some sample's, a point's ball reaching to its k-th
/// nearest neighbour among its like. Density and coverage (Naeem, Oh, Uh, Choi & Yoo, 2020) with k = 5: by
/// how many of the reals' balls a sample is covered, over k; and the share of reals with a sample in their
/// ball.
Manifold compare_manifolds(const Tensor& reals, const Tensor& samples);

/// For each row of `points` 1 if it is a copy, else 0: its nearest row of `training` is less than half as far
/// as the 50 nearest are on average (Carlini et al., "Extracting Training Data from Diffusion Models", 2023,
/// section 4.2). Fewer than 50 rows are all taken. `itself`, where it is not empty, holds the row of
/// `training` that each point itself is: it is left out.
std::vector<double> copies(const Tensor& points, const Tensor& training,
                           const std::vector<int64_t>& itself = {});

/// The row of `others` that is nearest to each of `points`.
std::vector<int64_t> nearest(const Tensor& points, const Tensor& others);

}  // namespace duel::quality
