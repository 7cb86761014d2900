#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "lib/io/file.h"
#include "lib/io/image.h"
#include "tests/files.h"

namespace duel {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kWidth = 32, kHeight = 24;

/// The picture that make_pictures.py draws, whose transparent part may be composited on white.
Image squares(bool transparent) {
  Image image{kWidth, kHeight, 3, {}};
  for (int64_t y = 0; y < kHeight; ++y) {
    for (int64_t x = 0; x < kWidth; ++x) {
      const int64_t alpha = !transparent || x >= 16 ? 255 : x >= 8 ? 128 : 0;
      for (const int64_t value : {40 + 60 * (x / 8), 30 + 90 * (y / 8), int64_t{128}}) {
        image.pixels.push_back(static_cast<uint8_t>((value * alpha + 255 * (255 - alpha) + 127) / 255));
      }
    }
  }
  return image;
}

int largest_difference(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height || a.channels != b.channels) return 256;
  int largest = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i)
    largest = std::max(largest, std::abs(a.pixels[i] - b.pixels[i]));
  return largest;
}

Image ramp(int64_t width, int64_t height, int64_t channels) {
  Image image{width, height, channels, {}};
  for (int64_t i = 0; i < width * height * channels; ++i) image.pixels.push_back(static_cast<uint8_t>(7 * i));
  return image;
}

std::vector<uint8_t> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

struct Picture {
  const char* file;
  int64_t channels;
  bool transparent;
  int tolerance;
};

void PrintTo(const Picture& picture, std::ostream* out) { *out << picture.file; }

class Pictures : public testing::TestWithParam<Picture> {};

TEST_P(Pictures, AreDecoded) {
  const Picture& picture = GetParam();
  const Image image = load_image(fixture(picture.file));
  EXPECT_EQ(image.channels, picture.channels);
  EXPECT_LE(largest_difference(image, with_channels(squares(picture.transparent), picture.channels)),
            picture.tolerance);
}

// Every prefix of the file is tried: either it is reported, or nothing of the picture was in the part cut
// off.
TEST_P(Pictures, AreNeverFilledUpWhereCutShort) {
  const std::vector<uint8_t> bytes = read_file(fixture(GetParam().file));
  const Image whole = decode_image(bytes);
  size_t longest_reported = 0;
  for (size_t length = 0; length < bytes.size(); ++length) {
    try {
      const Image image = decode_image(std::span(bytes).first(length));
      EXPECT_EQ(largest_difference(image, whole), 0)
          << "first " << length << " of " << bytes.size() << " bytes";
    } catch (const Error& error) {
      longest_reported = length;
      const std::string message = error.what();
      EXPECT_TRUE(contains(message, "is cut short") || length < 32) << length << " bytes: " << message;
    }
  }
  const bool has_bytes_behind = contains(GetParam().file, ".tga") || contains(GetParam().file, ".gif");
  if (!has_bytes_behind) {
    EXPECT_EQ(longest_reported, bytes.size() - 1);
  }
}

// As an interrupted download leaves a file whose space was reserved beforehand.
TEST_P(Pictures, OfCompressedFormatsAreReportedWhereTheEndIsZeros) {
  std::vector<uint8_t> bytes = read_file(fixture(GetParam().file));
  if (!contains(GetParam().file, ".jpg") && !contains(GetParam().file, ".png")) return;
  std::fill(bytes.begin() + static_cast<int64_t>(bytes.size()) * 3 / 4, bytes.end(), uint8_t{0});
  EXPECT_THROW(decode_image(bytes), Error);
}

INSTANTIATE_TEST_SUITE_P(
    Image, Pictures,
    testing::Values(Picture{"rgb.jpg", 3, false, 4}, Picture{"halved_colour.jpg", 3, false, 40},
                    Picture{"progressive.jpg", 3, false, 4}, Picture{"restarts.jpg", 3, false, 4},
                    Picture{"grey.jpg", 1, false, 3}, Picture{"rgb.png", 3, false, 0},
                    Picture{"grey.png", 1, false, 1}, Picture{"palette.png", 3, false, 0},
                    Picture{"rgba.png", 3, true, 1}, Picture{"grey_alpha.png", 1, true, 1},
                    Picture{"rgb16.png", 3, false, 0}, Picture{"rgb.bmp", 3, false, 0},
                    Picture{"palette.bmp", 3, false, 0}, Picture{"rgb.tga", 3, false, 0},
                    Picture{"run_length.tga", 3, false, 0}, Picture{"grey.tga", 1, false, 1},
                    Picture{"palette.gif", 3, false, 0}, Picture{"animated.gif", 3, false, 0}),
    [](const testing::TestParamInfo<Picture>& test) {
      std::string name = test.param.file;
      std::replace(name.begin(), name.end(), '.', '_');
      return name;
    });

// By then there is a picture of the first scans, which is not the one that was stored.
TEST(Image, ReportsAJpegThatIsDamagedBetweenItsScans) {
  std::vector<uint8_t> bytes = read_file(fixture("progressive.jpg"));
  const std::vector<uint8_t> scan{0xFF, 0xDA}, tables{0xFF, 0xC4};
  const auto first_scan = std::search(bytes.begin(), bytes.end(), scan.begin(), scan.end());
  const auto later_tables = std::search(first_scan, bytes.end(), tables.begin(), tables.end());
  ASSERT_NE(later_tables, bytes.end());
  later_tables[1] = 0x02;  // no marker
  try {
    decode_image(bytes);
    FAIL() << "was decoded";
  } catch (const Error& error) {
    EXPECT_TRUE(contains(error.what(), "is a damaged JPEG")) << error.what();
  }
}

TEST(Image, ContentDecidesTheFormat) {
  TemporaryFolder folder;
  const fs::path path = folder.write("picture.jpg", read_file(fixture("rgb.png")));
  EXPECT_EQ(largest_difference(load_image(path), squares(false)), 0);
}

TEST(Image, SaysWhatIsWrongWithAFile) {
  TemporaryFolder folder;
  const auto message_for = [&](std::string_view content) {
    const fs::path path = folder.write("a.jpg", content);
    const std::string message = error_of([&] { load_image(path); });
    EXPECT_EQ(message.find(path.string() + " is "), 0u) << message;
    return message.substr(std::min(message.size(), path.string().size() + 1));
  };
  EXPECT_EQ(message_for(""), "is empty: 0 bytes");
  EXPECT_EQ(message_for("Dear reader, I am no picture."), "is not a JPEG, PNG, BMP, TGA, GIF or PNM picture");
  EXPECT_EQ(message_for(std::string(5000, '\0')), "is not a JPEG, PNG, BMP, TGA, GIF or PNM picture");
  EXPECT_EQ(message_for("<!DOCTYPE html><html>404</html>"),
            "is not a JPEG, PNG, BMP, TGA, GIF or PNM picture");
  EXPECT_EQ(message_for("GIF8"), "is cut short: the file ends before the picture does");

  std::vector<uint8_t> damaged = read_file(fixture("rgb.png"));
  damaged[0x29] ^= 0xFF;  // in the compressed pixels
  EXPECT_EQ(message_for({reinterpret_cast<const char*>(damaged.data()), damaged.size()}),
            "is a damaged PNG, or one of a kind that cannot be read");
}

TEST(Image, RefusesHugePictures) {
  std::vector<uint8_t> bytes = read_file(fixture("rgb.bmp"));
  bytes[20] = 1;  // the width's third byte: 65,568 pixels
  bytes[24] = 1;
  const std::string message = error_of([&] { decode_image(bytes); });
  EXPECT_EQ(message, "is too large: 65568x65560 pixels, where 67108864 in all are the most");
  EXPECT_THROW(decode_image(bytes_of("P5 100000 100000 255\n")), Error);
}

/// rgb.jpg with bytes put in behind its first two.
std::vector<uint8_t> jpeg_with(const std::string& segments) {
  std::vector<uint8_t> bytes = read_file(fixture("rgb.jpg"));
  bytes.insert(bytes.begin() + 2, segments.begin(), segments.end());
  return bytes;
}

TEST(Image, RefusesAJpegWithMoreCodesThanSymbols) {
  using namespace std::string_literals;
  // Class and number of the table, its codes of 1 to 16 bits (255 + 2), and as many symbols.
  const std::string counts = "\xFF\xC4\x01\x14\0\xFF\x02"s + std::string(14, '\0') + std::string(257, 'x');
  const std::string message =
      "is a damaged JPEG: one of its Huffman tables has 257 codes, where 256 are the most";
  EXPECT_EQ(error_of([&] { decode_image(jpeg_with(counts)); }), message);
  // The second table of a segment; a table behind what fills up; one between the data and the end.
  std::string second = counts;
  second.insert(4, 17, '\0');
  second[3] = static_cast<char>(second[3] + 17);
  EXPECT_EQ(error_of([&] { decode_image(jpeg_with(second)); }), message);
  EXPECT_EQ(error_of([&] { decode_image(jpeg_with("\xFF\xFF" + counts)); }), message);
  std::vector<uint8_t> late = read_file(fixture("progressive.jpg"));
  late.insert(late.end() - 2, counts.begin(), counts.end());
  EXPECT_EQ(error_of([&] { decode_image(late); }), message);
  // What stands in a comment, or behind the end, is no table.
  const std::string comment = "\xFF\xFE\x01\x18"s + counts;
  EXPECT_EQ(largest_difference(decode_image(jpeg_with(comment)), load_image(fixture("rgb.jpg"))), 0);
  std::vector<uint8_t> more = jpeg_with("");
  more.insert(more.end(), counts.begin(), counts.end());
  EXPECT_NO_THROW(decode_image(more));
}

TEST(Pnm, ReadsEveryKind) {
  const std::vector<uint8_t> rgb = {0, 51, 255, 102, 0, 255};
  const auto expect = [](std::string_view text, int64_t channels, const std::vector<uint8_t>& pixels) {
    const Image image = decode_image(bytes_of(text));
    EXPECT_EQ(image.width, 2);
    EXPECT_EQ(image.channels, channels);
    EXPECT_EQ(image.pixels, pixels) << text.substr(0, 2);
  };
  using namespace std::string_view_literals;
  expect("P1 2 2\n01 1\n 0"sv, 1, {255, 0, 0, 255});
  expect("P2 # comment\n2 1 15\n3 15\n"sv, 1, {51, 255});
  expect("P3\n2 1\n5\n0 1 5 2 0 5\n"sv, 3, rgb);
  expect("P4\n2 2\n\x40\x80"sv, 1, {255, 0, 0, 255});
  expect("P5\n2 1\n255\n\x33\xFF"sv, 1, {51, 255});
  expect("P5\n2 1\n65535\n\x33\x33\xFF\xFF"sv, 1, {51, 255});
  expect("P6\n#c\n2 1 5\n\0\1\5\2\0\5"sv, 3, rgb);
}

TEST(Pnm, NeverFillsUpWhereCutShort) {
  using namespace std::string_view_literals;
  for (const std::string_view text :
       {"P1\n9 1\n010101010"sv, "P2\n2 1\n255\n12 255\n"sv, "P3\n1 1\n255\n1 22 143\n"sv,
        "P4\n9 1\n\xAA\x80"sv, "P5\n3 1\n255\nabc"sv, "P6\n1 1\n65535\nabcdef"sv}) {
    EXPECT_NO_THROW(decode_image(bytes_of(text))) << text;
    for (size_t length = 0; length < text.size(); ++length) {
      EXPECT_THROW(decode_image(bytes_of(text.substr(0, length))), Error) << text.substr(0, length);
    }
  }
}

TEST(Pnm, RefusesNonsense) {
  for (const char* text :
       {"P5\n0 1\n255\n", "P5\n1 1\n0\na", "P5\n1 1\n99999\na", "P2\n1 1\n10\n11\n", "P1\n1 1\n2",
        "P2\n-1 1\n9\n1\n", "P2\n1 1\n9\n1x\n", "P5\n1 1\n10\n\x0b", "P5\n99999999999999999999 1\n255\n"}) {
    EXPECT_THROW(decode_image(bytes_of(text)), Error) << text;
  }
}

TEST(Image, ConvertsBetweenGreyAndColour) {
  const Image colour{2, 1, 3, {255, 0, 0, 10, 200, 30}};
  const Image grey = with_channels(colour, 1);
  EXPECT_EQ(grey.pixels, (std::vector<uint8_t>{76, 124}));
  EXPECT_EQ(with_channels(grey, 3).pixels, (std::vector<uint8_t>{76, 76, 76, 124, 124, 124}));
  EXPECT_EQ(with_channels(colour, 3).pixels, colour.pixels);
  EXPECT_THROW(with_channels(colour, 2), Error);
}

TEST(Image, CropsTheCentre) {
  const Image image = ramp(5, 4, 1);
  const Image two = central_square(image, 2, 2);
  EXPECT_EQ(two.pixels,
            (std::vector<uint8_t>{image.pixels[6], image.pixels[7], image.pixels[11], image.pixels[12]}));
  const Image square = central_square(image, 0, 4);
  EXPECT_EQ(square.pixels[0], image.pixels[0]);
  EXPECT_EQ(square.pixels[15], image.pixels[18]);
  const std::string message = error_of([&] { central_square(image, 5, 2); });
  EXPECT_EQ(message, "is 5x4 pixels, smaller than the crop of 5x5");
}

// The outermost pixels may differ more: here the picture goes on with its edge, there it ends.
TEST(Image, ResizesAsTorchvisionDoes) {
  const Image noise = load_image(fixture("resize_40.png"));
  const auto expect_like = [](const Image& image, const Image& reference) {
    EXPECT_LE(largest_difference(image, reference), 12);
    const int64_t inside = image.width - 2;
    EXPECT_LE(
        largest_difference(central_square(image, inside, inside), central_square(reference, inside, inside)),
        1);
  };
  expect_like(central_square(noise, 0, 16), load_image(fixture("resize_16.png")));
  expect_like(central_square(noise, 16, 24), load_image(fixture("resize_16_to_24.png")));
}

// Stripes finer than the result's pixels become even grey; without antialiasing they would become coarse
// stripes.
TEST(Image, ResizesTheSmallest) {
  for (int64_t side = 1; side <= 24; ++side)
    for (int64_t size = 1; size <= 24; ++size) {
      Image image{side, side, 1, {}};
      image.pixels.assign(static_cast<size_t>(side * side), 200);
      for (const uint8_t pixel : central_square(image, 0, size).pixels) EXPECT_EQ(pixel, 200) << side << size;
    }
}

TEST(Image, ResizesWithoutAliasing) {
  Image stripes{64, 64, 1, {}};
  for (int64_t i = 0; i < 64 * 64; ++i) stripes.pixels.push_back(i % 2 ? 255 : 0);
  for (const uint8_t pixel : central_square(central_square(stripes, 0, 15), 13, 13).pixels) {
    EXPECT_NEAR(pixel, 127.5, 4);
  }
}

TEST(Image, PngKeepsEveryPixel) {
  TemporaryFolder folder;
  for (const int64_t channels : {1, 3}) {
    const Image image = ramp(13, 7, channels);
    write_png(folder / "a.png", image);
    EXPECT_EQ(largest_difference(load_image(folder / "a.png"), image), 0);
  }
}

TEST(Image, NothingIsNoTile) {
  EXPECT_EQ(error_of([] { tile(std::vector<Image>(1), 1, 0); }), "[tile] pictures of 0x0 make no grid");
}

TEST(Image, TilesRowByRow) {
  const std::vector<Image> images = {{1, 2, 1, {1, 2}}, {1, 2, 1, {3, 4}}, {1, 2, 1, {5, 6}}};
  const Image grid = tile(images, 2, 1, 9);
  EXPECT_EQ(grid.width, 5);
  EXPECT_EQ(grid.height, 7);
  EXPECT_EQ(grid.pixels, (std::vector<uint8_t>{9, 9, 9, 9, 9,  //
                                               9, 1, 9, 3, 9,  //
                                               9, 2, 9, 4, 9,  //
                                               9, 9, 9, 9, 9,  //
                                               9, 5, 9, 9, 9,  //
                                               9, 6, 9, 9, 9,  //
                                               9, 9, 9, 9, 9}));
  EXPECT_EQ(tile(images, 3, 0).pixels, (std::vector<uint8_t>{1, 3, 5, 2, 4, 6}));
  EXPECT_EQ(tile(images, 3000, 0).pixels, tile(images, 3, 0).pixels);
  EXPECT_THROW(tile({}, 2, 0), Error);
  const std::vector<Image> wide(2, Image{kMaxPixels / 2, 1, 1, std::vector<uint8_t>(kMaxPixels / 2)});
  EXPECT_TRUE(
      contains(error_of([&] { tile(wide, 1, 2); }), "a grid of 2 pictures of 33554432x1 would be larger"));
  EXPECT_THROW(tile(images, 2, std::numeric_limits<int64_t>::max()), Error);
  EXPECT_THROW(tile(std::vector<Image>{ramp(1, 2, 1), ramp(2, 1, 1)}, 2, 0), Error);
  EXPECT_THROW(tile(std::vector<Image>{ramp(1, 2, 1), ramp(1, 2, 3)}, 2, 0), Error);
}

TEST(Image, NoPngLargerThanAPictureMayBe) {
  const Image huge{int64_t{1} << 20, int64_t{1} << 20, 3, {}};  // refused before a pixel is read
  EXPECT_TRUE(
      contains(error_of([&] { encode_png(huge); }), "a picture of 1048576x1048576 pixels cannot be encoded"));
  EXPECT_TRUE(contains(error_of([] {
                         encode_png({0, 1, 3, {}});
                       }),
                       "a picture of 0x1 pixels cannot be encoded"));
}

}  // namespace
}  // namespace duel
