#include "lib/io/exif.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace duel {
namespace {

constexpr int upright_already = 1, last_orientation = 8;

/// A TIFF header and what follows it, to which all offsets count. What lies behind the end reads as 0, which
/// is no tag and no orientation.
class Tiff {
 public:
  explicit Tiff(std::span<const uint8_t> bytes) : bytes_(bytes), little_(byte(0) == 'I') {}

  bool is_valid() const { return byte(0) == byte(1) && (little_ || byte(0) == 'M') && two(2) == 42; }

  uint32_t two(size_t at) const {
    const uint32_t first = byte(at), second = byte(at + 1);
    return little_ ? second << 8 | first : first << 8 | second;
  }
  uint32_t four(size_t at) const {
    const uint32_t first = two(at), second = two(at + 2);
    return little_ ? second << 16 | first : first << 16 | second;
  }

 private:
  uint8_t byte(size_t at) const { return at < bytes_.size() ? bytes_[at] : uint8_t{0}; }

  std::span<const uint8_t> bytes_;
  bool little_;
};

int orientation_in(const Tiff& tiff) {
  constexpr size_t count_bytes = 2, entry_bytes = 12, type_at = 2, value_at = 8;
  constexpr uint32_t orientation_tag = 0x0112, two_bytes = 3, four_bytes = 4;
  if (!tiff.is_valid()) return upright_already;
  const size_t directory = tiff.four(4);
  const uint32_t entries = tiff.two(directory);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + count_bytes + i * entry_bytes;
    if (tiff.two(entry) != orientation_tag) continue;
    const uint32_t type = tiff.two(entry + type_at);
    const uint32_t value = type == two_bytes    ? tiff.two(entry + value_at)
                           : type == four_bytes ? tiff.four(entry + value_at)
                                                : 0;
    return value >= 1 && value <= last_orientation ? static_cast<int>(value) : upright_already;
  }
  return upright_already;
}

}  // namespace

int exif_orientation(std::span<const uint8_t> jpeg) {
  constexpr uint8_t begin = 0xD8, scan = 0xDA, end = 0xD9, application_1 = 0xE1, fill = 0xFF;
  constexpr std::string_view mark("Exif\0\0", 6);
  constexpr size_t head = 4;  // the marker and the length, which counts itself
  if (jpeg.size() < 2 || jpeg[0] != 0xFF || jpeg[1] != begin) return upright_already;
  for (size_t at = 2; at + head <= jpeg.size() && jpeg[at] == 0xFF;) {
    const uint8_t marker = jpeg[at + 1];
    if (marker == fill) {
      ++at;
      continue;
    }
    if (marker == scan || marker == end) break;  // the segments that tell of the picture stand before it
    const size_t length = size_t{jpeg[at + 2]} << 8 | jpeg[at + 3];
    if (length < 2 || length > jpeg.size() - at - 2) break;
    const std::span<const uint8_t> content = jpeg.subspan(at + head, length - 2);
    if (marker == application_1 && content.size() > mark.size() &&
        std::memcmp(content.data(), mark.data(), mark.size()) == 0)
      return orientation_in(Tiff(content.subspan(mark.size())));
    at += 2 + length;
  }
  return upright_already;
}

Image upright(Image image, int orientation) {
  if (orientation <= upright_already || orientation > last_orientation) return image;
  // Where the first row and the first column of what is stored belong: from 5 on rows are columns.
  const bool transposed = orientation >= 5;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  const bool from_below = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  Image result{
      transposed ? image.height : image.width, transposed ? image.width : image.height, image.channels, {}};
  result.pixels.resize(image.pixels.size());
  uint8_t* to = result.pixels.data();
  for (int64_t y = 0; y < result.height; ++y) {
    for (int64_t x = 0; x < result.width; ++x, to += image.channels) {
      const int64_t across = from_right ? result.width - 1 - x : x;
      const int64_t down = from_below ? result.height - 1 - y : y;
      const int64_t from = transposed ? across * image.width + down : down * image.width + across;
      std::copy_n(image.pixels.data() + from * image.channels, image.channels, to);
    }
  }
  return result;
}

}  // namespace duel
