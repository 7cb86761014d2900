// How a camera was held: the orientation that a JPEG's Exif data gives.
#pragma once

#include <cstdint>
#include <span>

#include "lib/io/image.h"

namespace duel {

/// The orientation in the Exif segment of a JPEG, from 1 (upright) to 8, as CIPA DC-008 (Exif 3.0, 4.6.4)
/// numbers them; 1 where the bytes are no JPEG, or its Exif data lack the number or are damaged.
int exif_orientation(std::span<const uint8_t> jpeg);

/// The picture as people see it: turned and mirrored so that an orientation from 1 to 8 becomes 1.
Image upright(Image image, int orientation);

}  // namespace duel
