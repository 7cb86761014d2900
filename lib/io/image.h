// Pictures as bytes: decoding, cropping, resizing, tiling, and writing as PNG.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "lib/error.h"

namespace duel {

/// `pixels` is (height, width, channels); channels is 1 (grey) or 3 (RGB).
struct Image {
  int64_t width = 0, height = 0, channels = 0;
  std::vector<uint8_t> pixels;
};

/// The largest picture that is decoded or written, in pixels; a small file can claim to be a far larger one.
constexpr int64_t kMaxPixels = int64_t{1} << 26;

/// Throws Error unless the size is from 1x1 up to kMaxPixels.
void check_picture_size(int64_t width, int64_t height);

/// Decodes a JPEG, PNG, BMP, TGA, GIF (its first frame) or PNM. The content decides which, never the file's
/// name. 16 bits a channel become 8; transparency is composited on white; grey stays grey, everything else is
/// RGB. A JPEG is turned and mirrored as the orientation in its Exif data says. Throws Error with the reason
/// ("is cut short: ...", to be put behind the file's name) if the bytes are no such picture, are damaged so
/// that the decoder notices, or end before the picture does, even where the decoder would fill up the rest.
Image decode_image(std::span<const uint8_t> bytes);

/// decode_image() of a file; its errors begin with the path.
Image load_image(const std::filesystem::path& path);

/// Grey becomes RGB by repetition, RGB becomes grey as luminance (Rec. 601). `channels` is 1 or 3.
Image with_channels(Image image, int64_t channels);

/// Says of a picture that it is smaller than the crop.
class TooSmall : public Error {
 public:
  TooSmall(const std::string& message, int64_t side) : Error(message), side_(side) {}
  int64_t side() const { return side_; }  ///< the shorter one of the picture, in pixels

 private:
  int64_t side_;
};

/// The central square of `crop` pixels a side, or of the shorter side where `crop` is 0, resized to `size`.
/// Throws TooSmall if the picture is smaller than `crop`.
///
/// The filter is the triangle, stretched by the scale when it shrinks a picture: every source pixel counts
/// (no aliasing), it has no negative lobes (no halos that a network would learn), and it is what
/// torchvision's Resize does with its defaults, so that pictures prepared there look the same. At the border
/// the outermost pixels are repeated.
Image central_square(const Image& image, int64_t crop, int64_t size);

/// The pictures, all of one size and number of channels, row by row in `columns` columns, or as many as there
/// are pictures if they are fewer, with `padding` pixels of the grey value `background` around each. Throws
/// Error where that would be more than kMaxPixels.
Image tile(std::span<const Image> images, int64_t columns, int64_t padding, uint8_t background = 255);

/// Of 1 to kMaxPixels pixels; throws Error for others.
std::vector<uint8_t> encode_png(const Image& image);

/// Writes the file atomically; throws as write_file_atomically() does.
void write_png(const std::filesystem::path& path, const Image& image);

}  // namespace duel
