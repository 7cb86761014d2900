// Pictures from outside, brought to what a checkpoint draws.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/gan/config.h"
#include "lib/io/image.h"

namespace duel::latent {

/// One photo, cropped to its central square of `crop` pixels (0: its shorter side), resized and converted.
/// Throws Error with the path if it cannot be read or is smaller than the crop.
Image read_photo(const std::filesystem::path& path, const gan::Config& config, int64_t crop);

struct Photos {
  std::vector<Image> images;
  std::vector<std::string> left_out;  ///< those that cannot be read: each as its file and the reason
};

/// The first `count` photos of a folder that can be read, fewer where it holds fewer. Throws Error if there
/// are none, with the first reason; TooSmall where that is the crop.
Photos read_photos(const std::filesystem::path& folder, const gan::Config& config, int64_t crop,
                   int64_t count);

}  // namespace duel::latent
