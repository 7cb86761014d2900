// Figures: labels, and where the pictures stand.
#include <algorithm>
#include <array>

#include "apps/latent/canvas.h"
#include "apps/latent/sheet.h"
#include "tests/files.h"

namespace duel::latent {
namespace {

using Pixel = std::array<uint8_t, 3>;

Image plain(int64_t size, int64_t channels, uint8_t value) {
  return {size, size, channels, std::vector<uint8_t>(static_cast<size_t>(size * size * channels), value)};
}

Pixel at(const Image& image, int64_t x, int64_t y) {
  const auto first = image.pixels.begin() + (y * image.width + x) * 3;
  return {first[0], first[1], first[2]};
}

int64_t count(const Image& image, const Pixel& colour) {
  int64_t found = 0;
  for (int64_t y = 0; y < image.height; ++y)
    for (int64_t x = 0; x < image.width; ++x) found += at(image, x, y) == colour;
  return found;
}

constexpr Pixel kWhite{255, 255, 255}, kBlack{0, 0, 0}, kGrey{100, 100, 100};

TEST(LatentCanvas, TextStaysWithinItsWidthAndHeight) {
  for (const std::string text : {"A", "AA", "slerp(A,B,0.3)", "|gjpqy|", "-1.08", "W\xc3\xa9~"}) {
    const int64_t margin = 5, width = text_width(text);
    Canvas canvas(width + 2 * margin, kTextHeight + 2 * margin);
    canvas.text(text, margin, margin);
    const Image& image = canvas.image();
    EXPECT_GT(count(image, kBlack), 0) << text;
    for (int64_t y = 0; y < image.height; ++y) {
      for (int64_t x = 0; x < image.width; ++x) {
        const bool inside = x >= margin && x < margin + width && y >= margin && y < margin + kTextHeight;
        EXPECT_TRUE(inside || at(image, x, y) == kWhite) << text << " at " << x << ", " << y;
      }
    }
  }
  EXPECT_GT(text_width("AA"), text_width("A"));
}

TEST(LatentCanvas, DifferentLettersLookDifferent) {
  std::vector<std::vector<uint8_t>> seen;
  for (char c = '!'; c <= 'z'; ++c) {
    Canvas canvas(16, 16);
    canvas.text(std::string(1, c), 2, 2);
    EXPECT_EQ(std::count(seen.begin(), seen.end(), canvas.image().pixels), 0) << c;
    seen.push_back(canvas.image().pixels);
  }
}

TEST(LatentCanvas, CutsWhatLiesOutside) {
  Canvas canvas(8, 8);
  canvas.picture(plain(4, 1, 100), -2, 6, 1);
  EXPECT_EQ(count(canvas.image(), kGrey), 2 * 2);
  canvas.text("A long line of text", -3, 5);
  EXPECT_EQ(canvas.image().pixels.size(), 8u * 8 * 3);
}

TEST(LatentSheet, EnlargesPicturesAndSetsThemInColumns) {
  Sheet sheet{"a title", {"first", "second"}, {}};
  sheet.rows.push_back({"left", {{"", plain(4, 3, 100)}, {"", plain(4, 3, 100)}}});
  sheet.rows.push_back({"a longer heading", {{"", plain(4, 3, 100)}, {"", plain(4, 3, 100)}}});
  const Image figure = draw(sheet, 5);
  EXPECT_EQ(figure.channels, 3);
  EXPECT_EQ(count(figure, kGrey), 4 * 20 * 20);
  // Each column of pixels crosses no picture or one of each row.
  for (int64_t x = 0; x < figure.width; ++x) {
    int64_t grey = 0;
    for (int64_t y = 0; y < figure.height; ++y) grey += at(figure, x, y) == kGrey;
    EXPECT_TRUE(grey == 0 || grey == 40) << grey;
  }
}

TEST(LatentSheet, TextBetweenPicturesMakesALine) {
  const auto width = [](const std::vector<Cell>& cells) { return draw({"", {}, {{"", cells}}}, 1).width; };
  const Cell picture{"", plain(20, 1, 100)};
  EXPECT_EQ(width({picture, {"+"}, picture}), width({picture, picture}) + text_width("+") + 4);
}

TEST(LatentSheet, TextGrowsWithThePictures) {
  const auto ink = [](int64_t zoom) {
    return count(draw({"a title", {"column"}, {{"heading", {{"A", plain(64, 1, 100)}}}}}, zoom), kBlack);
  };
  EXPECT_GT(ink(1), 0);
  EXPECT_EQ(ink(2), 4 * ink(1));
  EXPECT_EQ(default_zoom(32), 4);
  EXPECT_EQ(default_zoom(64), 2);
  EXPECT_EQ(default_zoom(512), 1);
}

TEST(LatentSheet, WideLabelsNeverOverlap) {
  const std::string label = "a caption wider than its picture";
  const Image figure = draw({"", {}, {{"", {{label, plain(4, 1, 100)}, {label, plain(4, 1, 100)}}}}}, 1);
  EXPECT_GE(figure.width, 2 * text_width(label));
}

TEST(LatentSheet, BringsFramesToOneSize) {
  const std::vector<Image> frames = to_one_size({plain(4, 1, 100), plain(6, 1, 100)});
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].width, 6);
  EXPECT_EQ(count(frames[0], kGrey), 16);
  EXPECT_EQ(count(frames[0], kWhite), 20);
  EXPECT_EQ(count(frames[1], kGrey), 36);
}

}  // namespace
}  // namespace duel::latent
