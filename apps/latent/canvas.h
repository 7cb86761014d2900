// A white sheet of pixels to put pictures and text on.
#pragma once

#include <string_view>

#include "lib/io/image.h"

namespace duel::latent {

/// Pixels from the top of a line's capitals to the bottom of its descenders, and to the next line's top; of
/// text of twice the scale twice as many.
constexpr int64_t kTextHeight = 10, kLineHeight = 13;
/// Pixels to the right that a line of text takes.
int64_t text_width(std::string_view text, int64_t scale = 1);

class Canvas {
 public:
  /// Throws Error if the size is none that a picture may have.
  Canvas(int64_t width, int64_t height);

  /// Puts a picture, each of its pixels as a square of `zoom`, with its upper left corner at (left, top).
  /// What would lie outside is cut.
  void picture(const Image& picture, int64_t left, int64_t top, int64_t zoom);
  /// One line of black text in the font of stb_easy_font, enlarged `scale` times: ASCII; any other byte
  /// becomes a '?'.
  void text(std::string_view text, int64_t left, int64_t top, int64_t scale = 1);

  const Image& image() const { return image_; }

 private:
  void fill(int64_t left, int64_t top, int64_t width, int64_t height, const uint8_t* rgb);

  Image image_;  // RGB
};

}  // namespace duel::latent
