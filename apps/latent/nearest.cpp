#include "apps/latent/nearest.h"

#include <algorithm>

#include "apps/gan/pictures.h"
#include "apps/latent/painter.h"
#include "apps/quality/median.h"
#include "lib/error.h"
#include "lib/io/exif.h"

namespace duel::latent {
namespace {

/// Keeps the nearest `count`, in order.
void keep(std::vector<Neighbour>& neighbours, const Neighbour& candidate, int64_t count) {
  const auto place =
      std::upper_bound(neighbours.begin(), neighbours.end(), candidate,
                       [](const Neighbour& a, const Neighbour& b) { return a.distance < b.distance; });
  neighbours.insert(place, candidate);
  if (static_cast<int64_t>(neighbours.size()) > count) neighbours.pop_back();
}

}  // namespace

std::vector<std::vector<Neighbour>> nearest(const std::vector<Image>& pictures, const Dataset& data,
                                            int64_t count, bool hflip) {
  std::vector<std::vector<Neighbour>> result(pictures.size());
  // The distance to a mirror image is that of the mirror image: these few are turned, and not the set.
  std::vector<Image> turned;
  for (size_t i = 0; hflip && i < pictures.size(); ++i) turned.push_back(mirrored(pictures[i]));
  for (int64_t index = 0; index < data.size(); ++index) {
    const Image candidate = gan::picture_of(data, index);
    for (size_t i = 0; i < pictures.size(); ++i) {
      Neighbour neighbour{index, picture_distance(pictures[i], candidate)};
      if (hflip) {
        const double distance = picture_distance(turned[i], candidate);
        if (distance < neighbour.distance) neighbour = {index, distance, true};
      }
      keep(result[i], neighbour, count);
    }
  }
  return result;
}

double distance_within(const Dataset& data, int64_t count, bool hflip) {
  check(data.size() >= 2, "a set of one picture has no distances within");
  count = std::min(count, data.size());
  std::vector<Image> asked;
  for (int64_t i = 0; i < count; ++i) asked.push_back(gan::picture_of(data, i * data.size() / count));
  std::vector<double> distances;
  // Each of the pictures asked for is in the set, at distance 0.
  for (const std::vector<Neighbour>& found : nearest(asked, data, 2, hflip))
    distances.push_back(found[1].distance);
  return quality::median(distances);
}

Image mirrored(const Image& image) {
  constexpr int from_left_to_right = 2;  // as Exif numbers orientations
  return upright(image, from_left_to_right);
}

}  // namespace duel::latent
