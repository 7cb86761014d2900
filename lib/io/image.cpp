// What is done with pictures once they are decoded. The implementations of two stb headers stand in this file
// and stay in it: programs may have their own.
#include "lib/io/image.h"

#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include "lib/divisor.h"
#include "lib/error.h"
#include "lib/io/file.h"

namespace {

/// zlib in place of stb's own compressor, which takes several times as long for larger files; at a level from
/// which on a grid of faces gets smaller by a few percent only. Null where memory is wanting, which stb hands
/// on as a picture that cannot be written.
unsigned char* compress_with_zlib(const unsigned char* data, int size, int* compressed_size, int) {
  constexpr int level = 3;
  uLongf length = compressBound(static_cast<uLong>(size));
  auto* const compressed = static_cast<unsigned char*>(std::malloc(length));
  if (compressed == nullptr) return nullptr;
  if (compress2(compressed, &length, data, static_cast<uLong>(size), level) != Z_OK) {
    std::free(compressed);
    return nullptr;
  }
  *compressed_size = static_cast<int>(length);
  return compressed;
}

}  // namespace

#define STB_IMAGE_RESIZE_STATIC
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#if __has_include(<stb/stb_image_resize.h>)
// It asserts that the weights of a pixel add up to 1 within a tenth before it divides them by their sum,
// which those of a few pixels do not.
#define STBIR_ASSERT(x) static_cast<void>(0)
#include <stb/stb_image_resize.h>
#else  // its successor, which stb has in its place since 2023 and which rounds a few pixels otherwise
#include <stb/stb_image_resize2.h>
#endif

#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#define STBIW_ZLIB_COMPRESS compress_with_zlib
#include <stb/stb_image_write.h>

namespace duel {
namespace {

bool is_picture_size(int64_t width, int64_t height) {
  return width >= 1 && height >= 1 && width <= kMaxPixels / height;
}

/// The square of `side` x `side` pixels at `corner`, whose rows are `stride` bytes apart, in the size of
/// `to`. False where memory is wanting.
bool resize(const uint8_t* corner, int64_t side, int64_t stride, Image& to) {
  const int from_side = static_cast<int>(side), from_stride = static_cast<int>(stride);
  const int width = static_cast<int>(to.width), height = static_cast<int>(to.height);
#ifdef STBIR_INCLUDE_STB_IMAGE_RESIZE2_H
  return stbir_resize(corner, from_side, from_side, from_stride, to.pixels.data(), width, height, 0,
                      to.channels == 1 ? STBIR_1CHANNEL : STBIR_RGB, STBIR_TYPE_UINT8, STBIR_EDGE_CLAMP,
                      STBIR_FILTER_TRIANGLE) != nullptr;
#else
  return stbir_resize_uint8_generic(corner, from_side, from_side, from_stride, to.pixels.data(), width,
                                    height, 0, static_cast<int>(to.channels), STBIR_ALPHA_CHANNEL_NONE, 0,
                                    STBIR_EDGE_CLAMP, STBIR_FILTER_TRIANGLE, STBIR_COLORSPACE_LINEAR,
                                    nullptr) != 0;
#endif
}

}  // namespace

void check_picture_size(int64_t width, int64_t height) {
  check(width >= 1 && height >= 1, "is an empty picture: ", width, "x", height, " pixels");
  check(is_picture_size(width, height), "is too large: ", width, "x", height, " pixels, where ", kMaxPixels,
        " in all are the most");
}

Image with_channels(Image image, int64_t channels) {
  check(channels == 1 || channels == 3, "a picture has 1 or 3 channels, not ", channels);
  if (image.channels == channels) return image;
  Image result{image.width, image.height, channels, {}};
  const size_t count = static_cast<size_t>(image.width * image.height);
  result.pixels.resize(count * static_cast<size_t>(channels));
  const uint8_t* from = image.pixels.data();
  uint8_t* to = result.pixels.data();
  for (size_t i = 0; i < count; ++i) {
    if (channels == 3) {
      std::fill_n(to + 3 * i, 3, from[i]);
    } else {
      to[i] = static_cast<uint8_t>((299 * from[3 * i] + 587 * from[3 * i + 1] + 114 * from[3 * i + 2] + 500) /
                                   1000);
    }
  }
  return result;
}

Image central_square(const Image& image, int64_t crop, int64_t size) {
  const int64_t shorter = std::min(image.width, image.height);
  const int64_t side = crop == 0 ? shorter : crop;
  if (side > shorter)
    throw TooSmall(
        concat("is ", image.width, "x", image.height, " pixels, smaller than the crop of ", crop, "x", crop),
        shorter);
  const int64_t stride = image.width * image.channels;
  const uint8_t* corner =
      image.pixels.data() + (image.height - side) / 2 * stride + (image.width - side) / 2 * image.channels;

  Image result{size, size, image.channels, {}};
  result.pixels.resize(static_cast<size_t>(size * size * image.channels));
  if (side == size) {
    const size_t row = static_cast<size_t>(size * image.channels);
    for (int64_t y = 0; y < size; ++y)
      std::memcpy(result.pixels.data() + y * size * image.channels, corner + y * stride, row);
    return result;
  }
  check(resize(corner, side, stride, result), "could not be resized from ", side, "x", side, " to ", size,
        "x", size, " pixels: out of memory");
  return result;
}

Image tile(std::span<const Image> images, int64_t columns, int64_t padding, uint8_t background) {
  check(!images.empty() && columns >= 1 && padding >= 0 && padding <= kMaxPixels, "[tile] ", images.size(),
        " pictures in ", columns, " columns with a padding of ", padding, " make no grid");
  const Image& first = images.front();
  check(is_picture_size(first.width, first.height), "[tile] pictures of ", first.width, "x", first.height,
        " make no grid");
  const int64_t count = static_cast<int64_t>(images.size());
  columns = std::min(columns, count);
  const int64_t rows = ceil_divide(count, columns);
  const int64_t across = first.width + padding, down = first.height + padding;
  check(columns <= kMaxPixels / across && rows <= kMaxPixels / down &&
            is_picture_size(columns * across + padding, rows * down + padding),
        "a grid of ", count, " pictures of ", first.width, "x", first.height, " would be larger than the ",
        kMaxPixels, " pixels that a picture may have; take fewer");
  Image grid{columns * across + padding, rows * down + padding, first.channels, {}};
  grid.pixels.assign(static_cast<size_t>(grid.width * grid.height * grid.channels), background);
  const int64_t row_bytes = first.width * first.channels;
  for (int64_t i = 0; i < count; ++i) {
    const Image& image = images[static_cast<size_t>(i)];
    check(image.width == first.width && image.height == first.height && image.channels == first.channels,
          "[tile] picture ", i, " is ", image.width, "x", image.height, "x", image.channels,
          ", the first one ", first.width, "x", first.height, "x", first.channels);
    const int64_t left = padding + i % columns * across;
    const int64_t top = padding + i / columns * down;
    for (int64_t y = 0; y < image.height; ++y) {
      std::memcpy(grid.pixels.data() + ((top + y) * grid.width + left) * grid.channels,
                  image.pixels.data() + y * row_bytes, static_cast<size_t>(row_bytes));
    }
  }
  return grid;
}

std::vector<uint8_t> encode_png(const Image& image) {
  // stb_image_write counts bytes in an int.
  check(is_picture_size(image.width, image.height), "a picture of ", image.width, "x", image.height,
        " pixels cannot be encoded; from 1 to ", kMaxPixels, " are possible");
  std::vector<uint8_t> bytes;
  const auto append = [](void* context, void* data, int size) {
    const uint8_t* begin = static_cast<const uint8_t*>(data);
    static_cast<std::vector<uint8_t>*>(context)->insert(static_cast<std::vector<uint8_t>*>(context)->end(),
                                                        begin, begin + size);
  };
  const int channels = static_cast<int>(image.channels);
  const int ok =
      stbi_write_png_to_func(append, &bytes, static_cast<int>(image.width), static_cast<int>(image.height),
                             channels, image.pixels.data(), static_cast<int>(image.width) * channels);
  check(ok, "a picture of ", image.width, "x", image.height, " pixels could not be encoded: out of memory");
  return bytes;
}

void write_png(const std::filesystem::path& path, const Image& image) {
  write_file_atomically(path, encode_png(image));
}

}  // namespace duel
