// The sliced Wasserstein distance over a Laplacian pyramid: Karras, Aila, Laine & Lehtinen, "Progressive
// Growing of GANs for Improved Quality, Stability, and Variation" (ICLR 2018), section 5.
//
// Pictures are taken apart into frequency bands; in each band small patches of both sets are compared: their
// projections on a random direction are two sets of numbers, whose Wasserstein distance is the mean
// difference after sorting. A small distance says that at this scale both sets look alike and vary alike.
#pragma once

#include <cstdint>
#include <vector>

#include "apps/quality/estimate.h"
#include "lib/tensor.h"

namespace duel::quality {

/// The bands of pictures (N, S, S, C), from S x S down to 16 x 16 (a power of two, at least 16): what the
/// next coarser one does not hold; the last is the small picture itself. The filter is the binomial one of 5
/// x 5 (Burt & Adelson, 1983), mirrored at the border.
std::vector<Tensor> laplacian_pyramid(const Tensor& pictures);

/// Sides of a patch in pixels.
constexpr int64_t patch_side = 7;

/// Where patches are cut out: for each picture `per_picture` of them.
struct PatchPlaces {
  int64_t per_picture = 0;
  std::vector<int64_t> y, x;  ///< of the upper left corner, (N * per_picture)
};
/// Places of whole patches in pictures of side x side pixels, uniform. Throws where a patch is larger.
PatchPlaces random_places(int64_t pictures, int64_t per_picture, int64_t side, PhiloxWalk& random);

/// Patches of a band as rows (N * per_picture, 7 * 7 * C), each channel brought to mean 0 and standard
/// deviation 1 over all of them.
Tensor patch_descriptors(const Tensor& band, const PatchPlaces& places);

/// `count` directions (components, count), uniform on the sphere.
Tensor random_directions(int64_t components, int64_t count, PhiloxWalk& random);

/// The projections of descriptors (rows, components) on one direction after the other, each sorted, with the
/// rows they came from.
struct SortedProjections {
  struct Item {
    float value;
    uint32_t row;
  };
  std::vector<std::vector<Item>> directions;
};
SortedProjections project(const Tensor& descriptors, const Tensor& directions);

/// The mean over the directions of the mean |difference| of the sorted projections; both sets have as many
/// rows. Karras et al. print it times 1000.
double sliced_wasserstein(const SortedProjections& a, const SortedProjections& b);

struct PyramidOptions {
  int64_t patches = 16;      ///< of each picture; Karras et al. take 128, of 16,384 pictures
  int64_t directions = 128;  ///< Karras et al. take 512
  int replicates = 30;       ///< bootstrap samples of both sets of pictures
  uint64_t seed = 0;         ///< of the places of the patches and of the bootstrap
};

/// What the descriptors of some of the pictures would be brought to mean 0 and deviation 1 by.
struct PatchMoments {
  std::vector<double> means, squares;  ///< of each picture's descriptors: (pictures, channels)
  std::vector<double> of_directions;   ///< the sums of their components: (directions, channels)
};

/// A set of pictures, ready to be compared.
struct ProjectedBands {
  int64_t pictures = 0, patches = 0, channels = 0;
  std::vector<int64_t> sides;  ///< of the bands, in pixels
  std::vector<SortedProjections> bands;
  std::vector<PatchMoments> moments;  ///< of the bands
};
/// `set` numbers the sets that are compared, so that their patches lie elsewhere. The directions are the same
/// of all sets, and whatever the seed is: other ones would give other distances, which no interval tells.
ProjectedBands project_bands(const Tensor& pictures, const PyramidOptions& options, uint64_t set);

/// The distance in each band, times 1000, and at the end their mean. The sets have as many pictures.
std::vector<Estimate> pyramid_distances(const ProjectedBands& a, const ProjectedBands& b,
                                        const PyramidOptions& options);

}  // namespace duel::quality
