// The implementations of the stb headers, compiled once.

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

#define STB_IMAGE_RESIZE_IMPLEMENTATION
#include <stb/stb_image_resize.h>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>
