// The implementations of the stb headers, compiled once.

#include <zlib.h>

#include <cstdlib>

#include "lib/io/image.h"

namespace {

// A file of a few kilobytes can make a decoder ask for gigabytes. What the largest accepted picture takes,
// RGBA with 16 bits a channel and a filter byte a row, is the most that is granted; the decoder takes a
// refusal as an error.
constexpr size_t kMaxAllocation = 9 * static_cast<size_t>(duel::kMaxPixels);

void* limited_malloc(size_t size) { return size > kMaxAllocation ? nullptr : std::malloc(size); }
void* limited_realloc(void* old, size_t size) {
  return size > kMaxAllocation ? nullptr : std::realloc(old, size);
}

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

#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_ONLY_TGA
#define STBI_ONLY_GIF
#define STBI_NO_LINEAR
#define STBI_NO_STDIO
#define STBI_NO_FAILURE_STRINGS  // the PNG decoder writes to one of them without a lock
#define STBI_MALLOC limited_malloc
#define STBI_REALLOC limited_realloc
#define STBI_FREE std::free
#include <stb/stb_image.h>

// It asserts that the weights of a pixel add up to 1 within a tenth before it divides them by their sum,
// which those of a few pixels do not.
#define STBIR_ASSERT(x) static_cast<void>(0)
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#include <stb/stb_image_resize.h>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#define STBIW_ZLIB_COMPRESS compress_with_zlib
#include <stb/stb_image_write.h>
