// Animated PNGs, taken apart again.
#include <zlib.h>

#include "apps/latent/film.h"
#include "tests/files.h"

namespace duel::latent {
namespace {

struct Chunk {
  std::string type;
  std::vector<uint8_t> data;
};

uint32_t number(const std::vector<uint8_t>& bytes, size_t at, int size = 4) {
  uint32_t value = 0;
  for (int i = 0; i < size; ++i) value = value << 8 | bytes.at(at + static_cast<size_t>(i));
  return value;
}

std::vector<Chunk> chunks(const std::vector<uint8_t>& png) {
  std::vector<Chunk> result;
  for (size_t at = 8; at < png.size();) {
    const size_t length = number(png, at);
    EXPECT_EQ(number(png, at + 8 + length), crc32(0, png.data() + at + 4, static_cast<uInt>(length + 4)));
    const auto data = png.begin() + static_cast<std::ptrdiff_t>(at + 8);
    result.push_back({{data - 4, data}, {data, data + static_cast<std::ptrdiff_t>(length)}});
    at += 12 + length;
  }
  return result;
}

void put(std::vector<uint8_t>& png, const std::string& type, const std::vector<uint8_t>& data) {
  std::vector<uint8_t> body(type.begin(), type.end());
  body.insert(body.end(), data.begin(), data.end());
  const auto append = [&](uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) png.push_back(static_cast<uint8_t>(value >> shift));
  };
  append(static_cast<uint32_t>(data.size()));
  png.insert(png.end(), body.begin(), body.end());
  append(static_cast<uint32_t>(crc32(0, body.data(), static_cast<uInt>(body.size()))));
}

Image noise(int64_t width, int64_t height, int64_t channels, unsigned seed) {
  Image image{width, height, channels, {}};
  for (int64_t i = 0; i < width * height * channels; ++i)
    image.pixels.push_back(static_cast<uint8_t>((seed = seed * 1664525u + 1013904223u) >> 24));
  return image;
}

TEST(LatentFilm, HoldsEveryFrameInOrder) {
  for (const int64_t channels : {1, 3}) {
    std::vector<Image> frames;
    for (unsigned i = 0; i < 4; ++i) frames.push_back(noise(9, 5, channels, i));
    const std::vector<uint8_t> film = encode_film(frames, 120);
    EXPECT_EQ(decode_image(film).pixels, frames[0].pixels) << "seen by a program that knows no films";

    const std::vector<Chunk> found = chunks(film);
    EXPECT_EQ(found.front().type, "IHDR");
    EXPECT_EQ(found.back().type, "IEND");
    EXPECT_EQ(found[1].type, "acTL");
    EXPECT_EQ(number(found[1].data, 0), 4u);
    EXPECT_EQ(number(found[1].data, 4), 0u) << "it plays for ever";
    uint32_t order = 0;
    size_t shown = 0;
    for (const Chunk& chunk : found) {
      if (chunk.type == "fcTL") {
        EXPECT_EQ(number(chunk.data, 0), order++);
        EXPECT_EQ(number(chunk.data, 4), 9u);
        EXPECT_EQ(number(chunk.data, 8), 5u);
        EXPECT_EQ(number(chunk.data, 20, 2), 120u);
        EXPECT_EQ(number(chunk.data, 22, 2), 1000u);
      }
      if (chunk.type != "fdAT") continue;
      EXPECT_EQ(number(chunk.data, 0), order++);
      std::vector<uint8_t> png(film.begin(), film.begin() + 8);
      put(png, "IHDR", found[0].data);
      put(png, "IDAT", {chunk.data.begin() + 4, chunk.data.end()});
      put(png, "IEND", {});
      EXPECT_EQ(decode_image(png).pixels, frames.at(++shown).pixels);
    }
    EXPECT_EQ(shown, 3u);
  }
}

TEST(LatentFilm, RefusesFramesThatMakeNone) {
  const std::vector<Image> uneven{noise(4, 4, 3, 1), noise(4, 5, 3, 1)}, one{noise(4, 4, 3, 1)};
  EXPECT_TRUE(contains(error_of([] { encode_film({}, 10); }), "at least one frame"));
  EXPECT_TRUE(contains(error_of([&] { encode_film(uneven, 10); }), "one is 4x5, the first one 4x4"));
  for (const int64_t delay : {0, 65536})
    EXPECT_TRUE(contains(error_of([&] { encode_film(one, delay); }), "1 to 65535 milliseconds"));
}

}  // namespace
}  // namespace duel::latent
