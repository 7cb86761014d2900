// The orientation in a JPEG's Exif data.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/io/exif.h"
#include "lib/io/file.h"
#include "tests/files.h"

namespace duel {
namespace {

using namespace std::string_literals;

/// A JPEG with a segment of application data put in before all others.
std::vector<uint8_t> with_segment(const std::vector<uint8_t>& jpeg, char marker, const std::string& content) {
  const size_t length = content.size() + 2;
  const std::string segment =
      "\xFF"s + marker + static_cast<char>(length >> 8) + static_cast<char>(length & 255) + content;
  std::vector<uint8_t> bytes(jpeg.begin(), jpeg.begin() + 2);
  bytes.insert(bytes.end(), segment.begin(), segment.end());
  bytes.insert(bytes.end(), jpeg.begin() + 2, jpeg.end());
  return bytes;
}

/// Exif data with a description (tag 0x010E) and an orientation, in either order of bytes.
std::string exif(int orientation, bool little) {
  const std::string value(1, static_cast<char>(orientation));
  if (little)
    return "Exif\0\0II*\0\x08\0\0\0\x02\0\x0E\x01\x02\0\x04\0\0\0abc\0\x12\x01\x03\0\x01\0\0\0"s + value +
           "\0\0\0\0\0\0\0"s;
  return "Exif\0\0MM\0*\0\0\0\x08\0\x02\x01\x0E\0\x02\0\0\0\x04"s + "abc\0\x01\x12\0\x03\0\0\0\x01\0"s +
         value + "\0\0\0\0\0\0"s;
}

/// Where the pixel at (x, y) of a picture is shown, by the table of the standard.
std::pair<int64_t, int64_t> shown_at(int orientation, int64_t x, int64_t y, const Image& stored) {
  const int64_t right = stored.width - 1 - x, below = stored.height - 1 - y;
  const std::pair<int64_t, int64_t> places[] = {{x, y}, {right, y}, {right, below}, {x, below},
                                                {y, x}, {below, x}, {below, right}, {y, right}};
  return places[orientation - 1];
}

TEST(Exif, TurnsAndMirrorsAPictureUpright) {
  for (const char* file : {"rgb.jpg", "grey.jpg", "progressive.jpg"}) {
    const std::vector<uint8_t> jpeg = read_file(fixture(file));
    const Image stored = decode_image(jpeg);
    for (int orientation = 1; orientation <= 8; ++orientation) {
      for (const bool little : {false, true}) {
        SCOPED_TRACE(concat(file, " ", orientation, little ? " II" : " MM"));
        const Image shown = decode_image(with_segment(jpeg, '\xE1', exif(orientation, little)));
        ASSERT_EQ(shown.width, orientation <= 4 ? stored.width : stored.height);
        ASSERT_EQ(shown.height, orientation <= 4 ? stored.height : stored.width);
        ASSERT_EQ(shown.pixels.size(), stored.pixels.size());
        int64_t different = 0;
        for (int64_t i = 0; i < stored.width * stored.height; ++i) {
          const auto [x, y] = shown_at(orientation, i % stored.width, i / stored.width, stored);
          for (int64_t c = 0; c < stored.channels; ++c)
            different += stored.pixels[static_cast<size_t>(i * stored.channels + c)] !=
                         shown.pixels[static_cast<size_t>((y * shown.width + x) * shown.channels + c)];
        }
        EXPECT_EQ(different, 0);
      }
    }
  }
}

TEST(Exif, StandsBehindOtherSegmentsToo) {
  std::vector<uint8_t> jpeg = with_segment(read_file(fixture("rgb.jpg")), '\xE1', exif(6, true));
  jpeg = with_segment(jpeg, '\xE1', "http://ns.adobe.com/xap/1.0/\0<x/>"s);
  jpeg = with_segment(jpeg, '\xE0', "JFIF\0\1\1\0\0\1\0\1\0\0"s);
  EXPECT_EQ(exif_orientation(jpeg), 6);
  jpeg.insert(jpeg.begin() + 2, 3, 0xFF);  // which may fill up before a marker
  EXPECT_EQ(exif_orientation(jpeg), 6);
}

// A picture is shown as it is stored where that is no number from 1 to 8, and never read beyond its end.
TEST(Exif, IsIgnoredWhereDamaged) {
  const std::vector<uint8_t> jpeg = read_file(fixture("rgb.jpg"));
  const std::vector<uint8_t> stored = decode_image(jpeg).pixels;
  const std::string good = exif(6, true);
  std::vector<std::string> damaged{exif(0, true), exif(9, false), exif(255, true)};
  for (size_t length = 0; length < good.size() - 8; ++length) damaged.push_back(good.substr(0, length));
  const auto changed = [&](size_t at, const std::string& to) {
    damaged.push_back(good);
    damaged.back().replace(at, to.size(), to);
  };
  changed(0, "exif");
  changed(6, "IM");
  changed(8, "+");
  changed(10, "\xFF\xFF\xFF\xFF");  // a directory behind the end
  changed(14, "\xFF\xFF");          // and one with more entries than there are, the one in question behind
  damaged.back().replace(28, 2, "\x13\x01");
  changed(30, "\x02");  // a text
  for (size_t i = 0; i < damaged.size(); ++i) {
    const std::vector<uint8_t> bytes = with_segment(jpeg, '\xE1', damaged[i]);
    EXPECT_EQ(exif_orientation(bytes), 1) << i;
    EXPECT_EQ(decode_image(bytes).pixels, stored) << i;
  }
  const std::vector<uint8_t> whole = with_segment(jpeg, '\xE1', good);
  for (size_t length = 0; length < 6 + good.size(); ++length)  // up to the end of the segment
    EXPECT_EQ(exif_orientation(std::vector<uint8_t>(whole.begin(), whole.begin() + static_cast<int>(length))),
              1)
        << length;
  EXPECT_EQ(exif_orientation(read_file(fixture("rgb.png"))), 1);
}

}  // namespace
}  // namespace duel
