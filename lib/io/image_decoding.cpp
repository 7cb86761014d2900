// Decoding. The implementation of stb_image stands in this file and stays in it: programs may have their own.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <string_view>

#include "lib/io/exif.h"
#include "lib/io/file.h"
#include "lib/io/image.h"
#include "lib/io/pnm.h"

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

#define STB_IMAGE_STATIC
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

namespace duel {
namespace {

/// Hands bytes to stb_image and notices when the decoder wants more of them than there are. Decoders of
/// stb_image take the missing bytes as zeros and most of them report success, so this is the only way to see
/// that a picture was cut short. In the same way it notices that a decoder left off before the byte at `end`.
class ByteSource {
 public:
  explicit ByteSource(std::span<const uint8_t> bytes, size_t end = 0) : bytes_(bytes), end_(end) {}

  bool overrun() const { return overrun_; }
  bool reached_end() const { return position_ > end_; }

  static stbi_io_callbacks callbacks() {
    return {[](void* self, char* data, int size) { return static_cast<ByteSource*>(self)->read(data, size); },
            [](void* self, int count) { static_cast<ByteSource*>(self)->skip(count); },
            [](void* self) { return static_cast<int>(static_cast<ByteSource*>(self)->at_end()); }};
  }

 private:
  /// stb_image reads either ahead into a small buffer of its own, as it does first of all, or straight into
  /// the picture. Ahead it may get less than it asked for, and only nothing at all means that a byte is
  /// missing.
  int read(char* data, int size) {
    if (read_ahead_buffer_ == nullptr) read_ahead_buffer_ = data;
    const size_t stop = position_ < end_ ? end_ : bytes_.size();
    const size_t count = std::min(static_cast<size_t>(size), stop - position_);
    if (count == 0 || (data != read_ahead_buffer_ && count < static_cast<size_t>(size))) overrun_ = true;
    if (count > 0) std::memcpy(data, bytes_.data() + position_, count);
    position_ += count;
    return static_cast<int>(count);
  }

  /// Skipping beyond the end is harmless in itself: a decoder that needs anything from there reads it
  /// afterwards.
  void skip(int count) {
    const int64_t target = static_cast<int64_t>(position_) + count;
    position_ = static_cast<size_t>(std::clamp<int64_t>(target, 0, static_cast<int64_t>(bytes_.size())));
  }

  bool at_end() const { return position_ == bytes_.size(); }

  std::span<const uint8_t> bytes_;
  size_t end_;  // what is before it and what follows are handed out apart
  size_t position_ = 0;
  const char* read_ahead_buffer_ = nullptr;
  bool overrun_ = false;
};

constexpr char kCutShort[] = "is cut short: the file ends before the picture does";

/// The format that the first bytes tell, or null. A TGA has no such mark.
const char* marked_format(std::span<const uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\xFF\xD8\xFF")) return "JPEG";
  if (text.starts_with("\x89PNG")) return "PNG";
  if (text.starts_with("BM")) return "BMP";
  if (text.starts_with("GIF8")) return "GIF";
  return nullptr;
}

[[noreturn]] void fail_to_decode(std::span<const uint8_t> bytes, bool overrun) {
  const char* format = marked_format(bytes);
  check(format != nullptr, "is not a JPEG, PNG, BMP, TGA, GIF or PNM picture");
  check(!overrun, kCutShort);
  fail("is a damaged ", format, ", or one of a kind that cannot be read");
}

uint8_t on_white(int value, int alpha) {
  return static_cast<uint8_t>((value * alpha + 255 * (255 - alpha) + 127) / 255);
}

/// From 1 to 4 channels, of which the second or fourth is transparency, to 1 or 3.
Image composited(const uint8_t* pixels, int64_t width, int64_t height, int channels) {
  Image image{width, height, channels <= 2 ? 1 : 3, {}};
  const int64_t count = width * height;
  if (channels == image.channels) {
    image.pixels.assign(pixels, pixels + count * channels);
    return image;
  }
  image.pixels.reserve(static_cast<size_t>(count * image.channels));
  for (const uint8_t* pixel = pixels; pixel != pixels + count * channels; pixel += channels) {
    for (int64_t c = 0; c < image.channels; ++c)
      image.pixels.push_back(on_white(pixel[c], pixel[channels - 1]));
  }
  return image;
}

/// The 16 bits at `at`, the higher ones first; 0 for bytes behind the end, as the decoder takes them.
size_t big_endian_at(std::span<const uint8_t> bytes, size_t at) {
  const auto byte = [&](size_t i) { return i < bytes.size() ? size_t{bytes[i]} : 0; };
  return byte(at) << 8 | byte(at + 1);
}

/// Throws unless each Huffman table of a segment, which begins at `at` and has `length` bytes, has at most as
/// many codes as there are symbols.
void check_huffman_tables(std::span<const uint8_t> bytes, size_t at, size_t length) {
  constexpr size_t head = 17, most = 256;
  for (const size_t end = at + length; at < end;) {
    size_t codes = 0;
    for (size_t i = at + 1; i < std::min(at + head, bytes.size()); ++i) codes += bytes[i];
    check(codes <= most, "is a damaged JPEG: one of its Huffman tables has ", codes, " codes, where ", most,
          " are the most");
    at += head + codes;
  }
}

/// stb_image takes the number of codes in a Huffman table as it is and writes behind its own tables where
/// there are too many. So the tables of all segments are looked at before, which are found as it finds them:
/// by their lengths, and after a scan by the next marker. Returns where the marker of the end is, without
/// which the file is cut short; 0 for what is no JPEG.
size_t end_of_jpeg(std::span<const uint8_t> bytes) {
  constexpr uint8_t tables = 0xC4, first_restart = 0xD0, last_restart = 0xD7, begin = 0xD8, end = 0xD9;
  size_t at = 0;
  while (at < bytes.size() && bytes[at] == 0xFF) ++at;
  if (at == 0 || at == bytes.size() || bytes[at] != begin) return 0;
  for (++at; at + 1 < bytes.size();) {
    const uint8_t marker = bytes[at + 1];
    if (bytes[at] != 0xFF || marker == 0 || marker == 0xFF ||
        (marker >= first_restart && marker <= last_restart)) {
      ++at;
      continue;
    }
    if (marker == end) return at;
    const size_t length = std::max<size_t>(2, big_endian_at(bytes, at + 2));
    if (marker == tables) check_huffman_tables(bytes, at + 4, length - 2);
    at += 2 + length;
  }
  fail(kCutShort);
}

Image decode_with_stb(std::span<const uint8_t> bytes) {
  const size_t end = end_of_jpeg(bytes);
  const stbi_io_callbacks callbacks = ByteSource::callbacks();
  int width = 0, height = 0, channels = 0;
  ByteSource header(bytes);
  if (!stbi_info_from_callbacks(&callbacks, &header, &width, &height, &channels)) {
    fail_to_decode(bytes, header.overrun());
  }
  check_picture_size(width, height);

  ByteSource source(bytes, end);
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_callbacks(&callbacks, &source, &width, &height, &channels, 0), stbi_image_free);
  check(!source.overrun(), kCutShort);
  // Newer versions of stb_image hand out what they have of a JPEG whose later scans are damaged.
  if (pixels == nullptr || !source.reached_end()) fail_to_decode(bytes, false);
  return upright(composited(pixels.get(), width, height, channels), exif_orientation(bytes));
}

}  // namespace

Image decode_image(std::span<const uint8_t> bytes) {
  check(!bytes.empty(), "is empty: 0 bytes");
  check(bytes.size() <= static_cast<size_t>(std::numeric_limits<int>::max()),
        "is too large for a picture: ", bytes.size(), " bytes");
  return is_pnm(bytes) ? decode_pnm(bytes) : decode_with_stb(bytes);
}

Image load_image(const std::filesystem::path& path) {
  const std::vector<uint8_t> bytes = read_file(path);
  try {
    return decode_image(bytes);
  } catch (const Error& error) {
    fail(path.string(), " ", error.what());
  }
}

}  // namespace duel
