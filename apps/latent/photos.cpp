#include "apps/latent/photos.h"

#include <iterator>

#include "apps/gan/pictures.h"
#include "lib/data/picture_folder.h"
#include "lib/data/picture_format.h"
#include "lib/error.h"

namespace duel::latent {
namespace {

/// `last` is the error of the last one.
[[noreturn]] void fail_as_none_is_left(const PictureFolder& files, const Error& last,
                                       const std::vector<std::string>& left_out) {
  const std::string message =
      concat("none of the ", files.description(), " can be read; the first: ", left_out.front());
  if (const auto* const too_small = dynamic_cast<const TooSmall*>(&last))
    throw TooSmall(message, too_small->side());
  fail(message);
}

}  // namespace

Image read_photo(const std::filesystem::path& path, const gan::Config& config, int64_t crop) {
  const PictureFormat format{config.image_size, config.channels, crop};
  format.check();
  const Image photo = load_image(path);
  Image image{config.image_size, config.image_size, config.channels, {}};
  image.pixels.resize(static_cast<size_t>(image.width * image.height * image.channels));
  try {
    format.apply(photo, image.pixels.data());
  } catch (const Error& error) {
    fail(path.string(), " ", error.what());
  }
  return image;
}

Photos read_photos(const std::filesystem::path& folder, const gan::Config& config, int64_t crop,
                   int64_t count) {
  const PictureFolder files(folder, {config.image_size, config.channels, crop});
  Photos photos;
  for (int64_t i = 0; i < files.size() && std::ssize(photos.images) < count; ++i) {
    try {
      photos.images.push_back(gan::picture_of(files, i));
    } catch (const Error& error) {
      photos.left_out.emplace_back(error.what());
      if (photos.images.empty() && i + 1 == files.size()) fail_as_none_is_left(files, error, photos.left_out);
    }
  }
  return photos;
}

}  // namespace duel::latent
