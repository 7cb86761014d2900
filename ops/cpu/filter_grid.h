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
constexpr bool filter_is_last(int i) {
  return i % 2 == 0 && i != filter_whole;
}  // of those that an output takes

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

  /// The nine pixels of a group; `zeros` are `channels` zeros.
  void locate(int64_t group, const Origin& origin, const float* zeros, const float** pixels) const {
    const int64_t picture = group / (grid_h * grid_w), i = group / grid_w % grid_h, j = group % grid_w;
    for (int64_t v = 0; v < 3; ++v) {
      const int64_t y = (2 * i + v) * step_h + origin.first_h;
      const float* const row = pictures + (picture * height + y) * width * channels;
      for (int64_t u = 0; u < 3; ++u) {
        const int64_t x = (2 * j + u) * step_w + origin.first_w;
        const bool inside = y >= 0 && y < height && x >= 0 && x < width;
        pixels[3 * v + u] = inside ? row + x * channels : zeros;
      }
    }
  }
};

}  // namespace duel::cpu
