// What the pictures of a set are brought to, whatever they were.
#pragma once

#include <cstdint>
#include <string>

#include "lib/io/image.h"

namespace duel {

struct PictureFormat {
  int64_t image_size = 32;  ///< height and width in pixels, 1 .. 4096
  int64_t channels = 3;     ///< 1 (grey) or 3 (RGB)
  int64_t crop = 0;  ///< side of the central square that is kept; 0 for the shorter side of the picture

  /// Throws Error unless the values are in their ranges.
  void check() const;

  /// Crops, resizes and converts a picture into `pixels`, (image_size, image_size, channels). Throws Error as
  /// central_square() does.
  void apply(const Image& image, uint8_t* pixels) const;

  /// For people, such as "central 108x108 resized to 32x32, RGB".
  std::string description() const;
};

}  // namespace duel
