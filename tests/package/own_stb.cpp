// A part of the outside project that decodes pictures by an stb_image of its own, and writes them by Duel.
#define STB_IMAGE_IMPLEMENTATION
#include <duel/lib/io/image.h>
#include <stb/stb_image.h>

#include <cstdlib>
#include <vector>

namespace {

/// Ends the program unless both decoders see the same in a picture.
bool both_read_pictures() {
  const duel::Image image{2, 1, 1, {10, 200}};
  const std::vector<uint8_t> png = duel::encode_png(duel::central_square(image, 0, 3));
  int width = 0, height = 0, channels = 0;
  stbi_uc* const pixels =
      stbi_load_from_memory(png.data(), static_cast<int>(png.size()), &width, &height, &channels, 0);
  if (!pixels || duel::decode_image(png).pixels != std::vector<uint8_t>(pixels, pixels + width * height))
    std::abort();
  stbi_image_free(pixels);
  return true;
}

[[maybe_unused]] const bool read = both_read_pictures();

}  // namespace
