// stb_image reads binary PGM and PPM only, ignores their maximum value and takes the two bytes of a 16-bit
// sample in the wrong order, so the format, which is small, is read here.
#include "lib/io/pnm.h"

#include <utility>

#include "lib/error.h"

namespace duel {
namespace {

bool is_space(uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }
bool is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

class PnmReader {
 public:
  explicit PnmReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  uint8_t byte() {
    check(position_ < bytes_.size(), "is cut short: the file ends before the picture does");
    return bytes_[position_++];
  }

  /// A decimal number and the one white space behind it, which Netpbm demands even at the end of the file:
  /// without it a number cut in two would pass.
  int64_t number(int64_t limit) {
    uint8_t next = skip_space_and_comments();
    check(is_digit(next), "is a damaged PNM: a number is missing");
    int64_t value = 0;
    for (; is_digit(next); next = byte()) {
      value = 10 * value + (next - '0');
      check(value <= limit, "is a damaged PNM: a number is larger than ", limit);
    }
    check(is_space(next), "is a damaged PNM: a number is followed by another character");
    return value;
  }

  /// A digit of a plain PBM; no white space need stand between them.
  int64_t bit() {
    const uint8_t digit = skip_space_and_comments();
    check(digit == '0' || digit == '1', "is a damaged PNM: a bit is neither 0 nor 1");
    return digit - '0';
  }

 private:
  uint8_t skip_space_and_comments() {
    for (;;) {
      uint8_t next = byte();
      if (next == '#') {
        while (next != '\n' && next != '\r') next = byte();
      }
      if (!is_space(next)) return next;
    }
  }

  std::span<const uint8_t> bytes_;
  size_t position_ = 2;  // behind the magic number
};

/// Bits are packed from the highest on, 1 is black, and every row begins with a new byte.
void read_packed_bits(PnmReader& in, Image& image) {
  size_t i = 0;
  for (int64_t y = 0; y < image.height; ++y) {
    uint8_t bits = 0;
    for (int64_t x = 0; x < image.width; ++x, bits = static_cast<uint8_t>(bits << 1)) {
      if (x % 8 == 0) bits = in.byte();
      image.pixels[i++] = (bits & 0x80) ? 0 : 255;
    }
  }
}

void read_samples(PnmReader& in, Image& image, bool plain, int64_t maximum) {
  for (uint8_t& pixel : image.pixels) {
    int64_t sample = 0;
    if (plain) {
      sample = in.number(maximum);
    } else {
      sample = in.byte();
      if (maximum > 255) sample = 256 * sample + in.byte();
      check(sample <= maximum, "is a damaged PNM: a sample is larger than ", maximum);
    }
    pixel = static_cast<uint8_t>((sample * 255 + maximum / 2) / maximum);
  }
}

}  // namespace

bool is_pnm(std::span<const uint8_t> bytes) {
  return bytes.size() >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' &&
         (is_space(bytes[2]) || bytes[2] == '#');
}

Image decode_pnm(std::span<const uint8_t> bytes) {
  check(is_pnm(bytes), "is not a PNM");
  const int kind = bytes[1] - '0';
  const bool plain = kind <= 3, bitmap = kind == 1 || kind == 4, colour = kind == 3 || kind == 6;

  PnmReader in(bytes);
  constexpr int64_t kMaxSide = int64_t{1} << 30;
  Image image;
  image.width = in.number(kMaxSide);
  image.height = in.number(kMaxSide);
  const int64_t maximum = bitmap ? 1 : in.number(65535);
  check(maximum >= 1, "is a damaged PNM: its maximum value is 0");
  check_picture_size(image.width, image.height);
  image.channels = colour ? 3 : 1;
  image.pixels.resize(static_cast<size_t>(image.width * image.height * image.channels));

  if (!bitmap) {
    read_samples(in, image, plain, maximum);
  } else if (plain) {
    for (uint8_t& pixel : image.pixels) pixel = in.bit() ? 0 : 255;
  } else {
    read_packed_bits(in, image);
  }
  return image;
}

}  // namespace duel
