#include "apps/latent/nearest.h"

#include <algorithm>

#include "apps/gan/pictures.h"
#include "apps/latent/painter.h"
#include "apps/quality/median.h"
#include "lib/error.h"

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
                                            int64_t count) {
  std::vector<std::vector<Neighbour>> result(pictures.size());
  for (int64_t index = 0; index < data.size(); ++index) {
    const Image candidate = gan::picture_of(data, index);
    for (size_t i = 0; i < pictures.size(); ++i)
      keep(result[i], {index, picture_distance(pictures[i], candidate)}, count);
  }
  return result;
}

double distance_within(const Dataset& data, int64_t count) {
  check(data.size() >= 2, "a set of one picture has no distances within");
  count = std::min(count, data.size());
  std::vector<Image> asked;
  for (int64_t i = 0; i < count; ++i) asked.push_back(gan::picture_of(data, i * data.size() / count));
  std::vector<double> distances;
  // Each of the pictures asked for is in the set, at distance 0.
  for (const std::vector<Neighbour>& found : nearest(asked, data, 2)) distances.push_back(found[1].distance);
  return quality::median(distances);
}

}  // namespace duel::latent
