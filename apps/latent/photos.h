// Pictures from outside, brought to what a checkpoint draws.
#pragma once

#include <filesystem>
#include <vector>

#include "apps/gan/config.h"
#include "lib/data/dataset.h"
#include "lib/io/image.h"

namespace duel::latent {

/// One photo, cropped to its central square of `crop` pixels (0: its shorter side), resized and converted.
/// Throws Error with the path if it cannot be read or is smaller than the crop.
Image read_photo(const std::filesystem::path& path, const gan::Config& config, int64_t crop);

/// The first `count` photos of a folder, fewer where it holds fewer. Throws Error as read_photo() does, and
/// if there are none.
std::vector<Image> read_photos(const std::filesystem::path& folder, const gan::Config& config, int64_t crop,
                               int64_t count);

}  // namespace duel::latent
