// The training pictures that are nearest to a picture: is it a copy?
#pragma once

#include <vector>

#include "lib/data/dataset.h"
#include "lib/io/image.h"

namespace duel::latent {

struct Neighbour {
  int64_t index;          ///< in the data set
  double distance;        ///< root mean square difference of the pixels, in grey levels 0 .. 255
  bool mirrored = false;  ///< whether it is the distance of its mirror image, which is nearer than itself
};

/// Of each picture the `count` nearest in the set, nearest first; all of one size. With `hflip` the mirror
/// image of a picture of the set counts, too, as it does where a run mirrors pictures: the nearer of the two.
std::vector<std::vector<Neighbour>> nearest(const std::vector<Image>& pictures, const Dataset& data,
                                            int64_t count, bool hflip);

/// The median distance from a picture of the set to the nearest other one, over `count` of them evenly
/// spaced: what a distance to the set has to be judged by. The set has at least two pictures. `hflip` as
/// above.
double distance_within(const Dataset& data, int64_t count, bool hflip);

/// A picture as a mirror shows it, left to right.
Image mirrored(const Image& image);

}  // namespace duel::latent
