#include "apps/latent/photos.h"

#include "apps/gan/pictures.h"
#include "lib/data/picture_folder.h"
#include "lib/data/picture_format.h"
#include "lib/error.h"

namespace duel::latent {

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

std::vector<Image> read_photos(const std::filesystem::path& folder, const gan::Config& config, int64_t crop,
                               int64_t count) {
  const PictureFolder photos(folder, {config.image_size, config.channels, crop});
  return gan::first_pictures(photos, count);
}

}  // namespace duel::latent
