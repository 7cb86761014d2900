#include "lib/data/picture_format.h"

#include <algorithm>

#include "lib/error.h"

namespace duel {

void PictureFormat::check() const {
  constexpr int64_t kMaxSide = 4096;
  duel::check(image_size >= 1 && image_size <= kMaxSide, "an image size of ", image_size,
              " pixels: choose 1 to ", kMaxSide);
  duel::check(channels == 1 || channels == 3, channels, " channels: choose 1 (grey) or 3 (RGB)");
  duel::check(crop >= 0, "a crop of ", crop,
              " pixels: choose a positive number, or 0 for the whole shorter side");
}

void PictureFormat::apply(const Image& image, uint8_t* pixels) const {
  const Image result = with_channels(central_square(image, crop, image_size), channels);
  std::copy(result.pixels.begin(), result.pixels.end(), pixels);
}

std::string PictureFormat::description() const {
  const std::string square = crop > 0 ? concat("central ", crop, "x", crop) : "central square";
  return concat(square, " resized to ", image_size, "x", image_size, ", ", channels == 1 ? "grey" : "RGB");
}

}  // namespace duel
