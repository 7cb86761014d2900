// Geometry of minimal filtering: which pixels a group of 2 x 2 outputs reads, and which outputs each of its
// nine products adds to.
#pragma once

#include <cstdint>

namespace duel::cpu {

constexpr int filter_products = 9;

/// The order of the nine: first the one that all four outputs take, then those of two, last those of one. So
/// the first can set the outputs, and an activation can be applied with the last four.
constexpr int filter_order[filter_products] = {4, 1, 3, 5, 7, 0, 2, 6, 8};
constexpr int filter_whole = 4;  // the number of the first
/// Whether product i is the last of those that its output takes.
constexpr bool filter_is_last(int i) { return i % 2 == 0 && i != filter_whole; }

/// Where product i = 3 * row + column goes: row 0 to the upper outputs, 1 to both, 2 to the lower; columns
/// alike.
struct FilterTargets {
  int64_t count = 0, offsets[4];

  /// The outputs of a group lie `down` and `right` floats apart.
  FilterTargets(int i, int64_t down, int64_t right) {
    for (int y = i / 3 == 2; y <= (i / 3 != 0); ++y)
      for (int x = i % 3 == 2; x <= (i % 3 != 0); ++x) offsets[count++] = y * down + x * right;
  }
};

/// Groups in a batch of channels-last pictures: group (picture, i, j), j fastest, reads the 3 x 3 pixels
/// ((2 i + v) * step_h + first_h, (2 j + u) * step_w + first_w), u and v from 0 to 2. Outside they are zero.
struct FilterGrid {
  const float* pictures;
  int64_t height, width, channels;
  int64_t grid_h, grid_w;
  int64_t step_h, step_w;

  struct Origin {
    int64_t first_h, first_w;
  };

  /// A walk over the groups, so that no group needs divisions.
  struct Place {
    int64_t picture, i, j;
  };
  Place place(int64_t group) const {
    return {group / (grid_h * grid_w), group / grid_w % grid_h, group % grid_w};
  }
  /// The first row a group reads, were the pictures one below the other and its origin in row 0.
  int64_t row_of(int64_t group) const {
    const Place at = place(group);
    return at.picture * height + 2 * at.i * step_h;
  }
  void advance(Place& at) const {
    if (++at.j < grid_w) return;
    at.j = 0;
    if (++at.i < grid_h) return;
    at.i = 0;
    ++at.picture;
  }

  /// The nine pixels of a group; `zeros` are `channels` zeros.
  void locate(const Place& at, const Origin& origin, const float* zeros, const float** pixels) const {
    const int64_t y = 2 * at.i * step_h + origin.first_h, x = 2 * at.j * step_w + origin.first_w;
    const int64_t down = step_h * width * channels, right = step_w * channels;
    const float* const first = pictures + ((at.picture * height + y) * width + x) * channels;
    for (int64_t v = 0; v < 3; ++v)
      for (int64_t u = 0; u < 3; ++u) pixels[3 * v + u] = first + v * down + u * right;
    if (y >= 0 && x >= 0 && y + 2 * step_h < height && x + 2 * step_w < width) return;
    for (int64_t v = 0; v < 3; ++v)
      for (int64_t u = 0; u < 3; ++u) {
        const int64_t py = y + v * step_h, px = x + u * step_w;
        if (py < 0 || py >= height || px < 0 || px >= width) pixels[3 * v + u] = zeros;
      }
  }
};

}  // namespace duel::cpu
