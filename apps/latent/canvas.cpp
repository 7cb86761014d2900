#include "apps/latent/canvas.h"

#include <stb/stb_easy_font.h>

#include <algorithm>
#include <string>
#include <vector>

namespace duel::latent {
namespace {

/// The font has glyphs for these bytes alone, and looks up others outside its table.
std::string printable(std::string_view text) {
  std::string result(text);
  std::replace_if(
      result.begin(), result.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return result;
}

/// A corner of a rectangle as stb_easy_font writes it.
struct Corner {
  float x, y, z;
  uint8_t colour[4];
};

}  // namespace

int64_t text_width(std::string_view text, int64_t scale) {
  return scale * stb_easy_font_width(printable(text).data());
}

Canvas::Canvas(int64_t width, int64_t height) : image_{width, height, 3, {}} {
  check_picture_size(width, height);
  image_.pixels.assign(static_cast<size_t>(width * height * 3), 255);
}

void Canvas::fill(int64_t left, int64_t top, int64_t width, int64_t height, const uint8_t* rgb) {
  const int64_t right = std::min(left + width, image_.width), bottom = std::min(top + height, image_.height);
  for (int64_t y = std::max<int64_t>(top, 0); y < bottom; ++y) {
    for (int64_t x = std::max<int64_t>(left, 0); x < right; ++x)
      std::copy_n(rgb, 3, image_.pixels.begin() + (y * image_.width + x) * 3);
  }
}

void Canvas::picture(const Image& picture, int64_t left, int64_t top, int64_t zoom) {
  const Image rgb = with_channels(picture, 3);
  for (int64_t y = 0; y < rgb.height; ++y) {
    for (int64_t x = 0; x < rgb.width; ++x)
      fill(left + x * zoom, top + y * zoom, zoom, zoom,
           &rgb.pixels[static_cast<size_t>(y * rgb.width + x) * 3]);
  }
}

void Canvas::text(std::string_view text, int64_t left, int64_t top, int64_t scale) {
  constexpr uint8_t black[3] = {0, 0, 0};
  constexpr size_t corners_of_a_glyph = 4 * 20;  // of the widest ones, generously
  std::string line = printable(text);
  std::vector<Corner> corners((line.size() + 1) * corners_of_a_glyph);
  const int rectangles = stb_easy_font_print(0, 0, line.data(), nullptr, corners.data(),
                                             static_cast<int>(corners.size() * sizeof(Corner)));
  for (int i = 0; i < rectangles; ++i) {
    const Corner& first = corners[static_cast<size_t>(i) * 4];      // upper left
    const Corner& third = corners[static_cast<size_t>(i) * 4 + 2];  // lower right
    fill(left + scale * static_cast<int64_t>(first.x), top + scale * static_cast<int64_t>(first.y),
         scale * static_cast<int64_t>(third.x - first.x), scale * static_cast<int64_t>(third.y - first.y),
         black);
  }
}

}  // namespace duel::latent
