#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "lib/data/synthetic.h"
#include "lib/error.h"

namespace duel {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes draw(const FaceFactors& face, int64_t size = 64, int64_t channels = 3) {
  Bytes pixels(static_cast<size_t>(size * size * channels));
  draw_face(face, size, channels, pixels.data());
  return pixels;
}

Bytes read(const SyntheticFaces& faces, int64_t index) {
  Bytes pixels(static_cast<size_t>(faces.image_size() * faces.image_size() * faces.channels()));
  faces.read(index, pixels.data());
  return pixels;
}

const FaceFactor& factor(const std::string& name) {
  for (const FaceFactor& candidate : face_factors()) {
    if (candidate.name == name) return candidate;
  }
  fail("no factor ", name);
}

FaceFactors with(FaceFactors face, const std::string& name, float value) {
  factor(name).set(face, value);
  return face;
}

/// A part of the picture, in its widths from the upper left corner.
struct Box {
  float left, top, right, bottom;
};
constexpr Box kEyes{0.24f, 0.44f, 0.76f, 0.62f};
constexpr Box kMouth{0.35f, 0.68f, 0.65f, 0.86f};
constexpr Box kNose{0.44f, 0.53f, 0.56f, 0.68f};
constexpr Box kCrown{0.40f, 0.13f, 0.60f, 0.28f};
constexpr Box kLeftCorner{0.0f, 0.0f, 0.08f, 0.2f};
constexpr Box kShoulder{0.28f, 0.96f, 0.36f, 1.0f};

/// Mean absolute difference of two RGB pictures inside a box, in steps of a byte.
double difference(const Bytes& a, const Bytes& b, Box box) {
  const auto size = static_cast<float>(std::lround(std::sqrt(static_cast<double>(a.size()) / 3.0)));
  double sum = 0.0;
  int64_t count = 0;
  for (auto y = static_cast<int64_t>(box.top * size); static_cast<float>(y) < box.bottom * size; ++y) {
    for (auto x = static_cast<int64_t>(box.left * size); static_cast<float>(x) < box.right * size; ++x) {
      for (int64_t c = 0; c < 3; ++c, ++count) {
        const auto i = static_cast<size_t>((y * static_cast<int64_t>(size) + x) * 3 + c);
        sum += std::abs(a[i] - b[i]);
      }
    }
  }
  return sum / static_cast<double>(count);
}

TEST(SyntheticFaces, IsAPureFunctionOfSeedAndIndex) {
  const SyntheticFaces first(300, 32, 3, 11), second(500, 32, 3, 11), other(300, 32, 3, 12);
  for (int64_t i = 299; i >= 0; --i) ASSERT_EQ(read(first, i), read(second, i)) << "face " << i;
  for (int64_t i = 0; i < 300; i += 37) {
    EXPECT_EQ(read(first, i), read(first, i)) << "face " << i;
    EXPECT_EQ(read(first, i), draw(first.factors(i), 32)) << "face " << i;
    EXPECT_NE(read(first, i), read(other, i)) << "face " << i;
  }
}

TEST(SyntheticFaces, GivesTheSameBytesToManyThreadsAtOnce) {
  constexpr int64_t kCount = 200;
  const SyntheticFaces alone(kCount, 32, 3, 5), shared(kCount, 32, 3, 5);
  std::vector<std::vector<Bytes>> seen(4);
  {
    std::vector<std::jthread> threads;
    for (size_t t = 0; t < seen.size(); ++t) {
      // All start at the same faces, so that they meet.
      threads.emplace_back([&shared, &mine = seen[t]] {
        for (int64_t i = 0; i < kCount; ++i) mine.push_back(read(shared, i));
      });
    }
  }
  for (int64_t i = 0; i < kCount; ++i) {
    for (const auto& mine : seen) ASSERT_EQ(mine[static_cast<size_t>(i)], read(alone, i)) << "face " << i;
  }
}

TEST(SyntheticFaces, DrawsFacesBeyondTheStoreAtEachRead) {
  const SyntheticFaces faces(1025, 1024, 1, 3);  // one more than fits 1 GiB
  const Bytes last = read(faces, 1024);
  EXPECT_EQ(last, read(faces, 1024));
  EXPECT_EQ(last, draw(faces.factors(1024), 1024, 1));
}

TEST(SyntheticFaces, NeverRepeatsAFace) {
  const SyntheticFaces faces(2000, 32, 3, 0);
  std::set<std::string> seen;
  for (int64_t i = 0; i < faces.size(); ++i) {
    const Bytes face = read(faces, i);
    EXPECT_TRUE(seen.emplace(face.begin(), face.end()).second)
        << "face " << i << " is the same as one before";
  }
}

TEST(SyntheticFaces, TellsWhatItIs) {
  const SyntheticFaces faces(7, 64, 1, 9);
  EXPECT_EQ(faces.size(), 7);
  EXPECT_EQ(faces.image_size(), 64);
  EXPECT_EQ(faces.channels(), 1);
  EXPECT_EQ(faces.description(), "synthetic: 7 drawn portraits of 64x64x1, seed 9");
}

TEST(SyntheticFaces, RefusesWhatItCannotDraw) {
  EXPECT_THROW(SyntheticFaces(0, 32, 3, 1), Error);
  EXPECT_THROW(SyntheticFaces(-5, 32, 3, 1), Error);
  EXPECT_THROW(SyntheticFaces(10, 15, 3, 1), Error);
  EXPECT_THROW(SyntheticFaces(10, 1025, 3, 1), Error);
  EXPECT_THROW(SyntheticFaces(10, 32, 2, 1), Error);
  EXPECT_THROW(SyntheticFaces(10, 32, 4, 1), Error);
  const SyntheticFaces faces(10, 32, 3, 1);
  EXPECT_THROW(faces.factors(-1), Error);
  EXPECT_THROW(faces.factors(10), Error);
  Bytes pixels(32 * 32 * 3, 77);
  EXPECT_THROW(faces.read(10, pixels.data()), Error);
  EXPECT_EQ(pixels, Bytes(32 * 32 * 3, 77));
}

TEST(FaceFactors, TableReadsAndWritesOneFactorAtATime) {
  const FaceFactors mean;
  std::set<std::string> names;
  for (const FaceFactor& changed : face_factors()) {
    EXPECT_TRUE(names.insert(changed.name).second) << changed.name;
    if (!changed.choices.empty()) {
      EXPECT_EQ(changed.choices.size(), static_cast<size_t>(changed.high) + 1) << changed.name;
    }
    for (const float value : {changed.low, changed.high}) {
      FaceFactors face;
      changed.set(face, value);
      for (const FaceFactor& seen : face_factors()) {
        const float expected = &seen == &changed ? value : seen.get(mean);
        EXPECT_EQ(seen.get(face), expected) << seen.name << " after setting " << changed.name;
      }
    }
  }
}

TEST(FaceFactors, RefusesValuesOutOfRange) {
  FaceFactors face;
  EXPECT_THROW(factor("yaw").set(face, 26.0f), Error);
  EXPECT_THROW(factor("skin_tone").set(face, -0.01f), Error);
  EXPECT_THROW(factor("hair_style").set(face, 11.0f), Error);
  EXPECT_THROW(factor("zoom").set(face, std::numeric_limits<float>::quiet_NaN()), Error);

  face.smile = 1.5f;
  try {
    draw(face);
    FAIL() << "drawn with smile 1.5";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "[synthetic] smile = 1.5: it goes from -0.5 to 1");
  }
}

TEST(FaceFactors, AreDrawnBroadlyInsideTheirRanges) {
  constexpr int64_t kPeople = 10000;
  std::map<std::string, std::vector<float>> values;
  for (int64_t i = 0; i < kPeople; ++i) {
    const FaceFactors face = random_face(1, i);
    for (const FaceFactor& f : face_factors()) values[f.name].push_back(f.get(face));
    EXPECT_TRUE(face.facial_hair == FacialHair::None || face.makeup == 0.0f) << "face " << i;
  }
  for (const FaceFactor& f : face_factors()) {
    std::vector<float>& drawn = values[f.name];
    std::sort(drawn.begin(), drawn.end());
    EXPECT_GE(drawn.front(), f.low) << f.name;
    EXPECT_LE(drawn.back(), f.high) << f.name;
    EXPECT_GE(drawn.back() - drawn.front(), 0.6f * (f.high - f.low)) << f.name;
    for (size_t c = 0; c < f.choices.size(); ++c) {
      const auto people = std::count(drawn.begin(), drawn.end(), static_cast<float>(c));
      EXPECT_GE(people, kPeople / 200) << f.name << ": " << f.choices[c];
    }
  }
  const auto bare = std::count(values["glasses"].begin(), values["glasses"].end(), 0.0f);
  EXPECT_NEAR(static_cast<double>(bare) / kPeople, 0.8, 0.02);
  const auto light = std::count_if(values["skin_tone"].begin(), values["skin_tone"].end(),
                                   [](float tone) { return tone < 1.0f / 3.0f; });
  EXPECT_NEAR(static_cast<double>(light) / kPeople, 0.48, 0.08);
  const double yaw = std::accumulate(values["yaw"].begin(), values["yaw"].end(), 0.0) / kPeople;
  EXPECT_NEAR(yaw, 0.0, 0.5);
}

TEST(DrawFace, EveryFactorShowsAtEverySize) {
  FaceFactors base;
  base.makeup = 0.5f;
  base.background_lightness = 0.4f;
  for (const int64_t size : {32, 64, 128}) {
    for (const FaceFactor& f : face_factors()) {
      FaceFactors low = base, high = base;
      f.set(low, f.low);
      // A hue of 360 degrees is one of 0.
      f.set(high, f.high == 360.0f ? 180.0f : f.high);
      EXPECT_GT(difference(draw(low, size), draw(high, size), {0.0f, 0.0f, 1.0f, 1.0f}), 0.05)
          << f.name << " at " << size;
    }
  }
}

TEST(DrawFace, AFactorChangesItsOwnPartOnly) {
  struct Case {
    const char* name;
    float low, high;
    Box changed, unchanged;
  };
  const Case cases[] = {
      {"glasses", 0, 1, kEyes, kMouth},
      {"glasses", 0, 2, kEyes, kCrown},
      {"eye_colour", 0, 4, kEyes, kMouth},
      {"eye_openness", 0.6f, 1.2f, kEyes, kMouth},
      {"gaze", -1, 1, kEyes, kMouth},
      {"smile", 0, 1, kMouth, kCrown},
      {"mouth_open", 0, 1, kMouth, kEyes},
      {"lip_fullness", 0.6f, 1.5f, kMouth, kEyes},
      {"nose_width", 0.8f, 1.25f, kNose, kCrown},
      {"facial_hair", 0, 4, kMouth, kCrown},
      {"hair_colour", 0, 7, kCrown, kMouth},
      {"hair_style", 0, 3, kCrown, kMouth},
      {"background_hue", 0, 120, kLeftCorner, kNose},
      {"background_lightness", 0.2f, 0.9f, kLeftCorner, kNose},
      {"clothes_lightness", 0, 1, kShoulder, kMouth},
      {"clothes_hue", 0, 180, kShoulder, kLeftCorner},
  };
  const FaceFactors mean;
  for (const Case& c : cases) {
    const Bytes low = draw(with(mean, c.name, c.low)), high = draw(with(mean, c.name, c.high));
    EXPECT_GT(difference(low, high, c.changed), 2.0) << c.name;
    EXPECT_EQ(difference(low, high, c.unchanged), 0.0) << c.name;
  }
}

TEST(DrawFace, MirroredFactorsGiveTheMirroredPicture) {
  FaceFactors face;
  face.hair_style = HairStyle::Bald;
  face.facial_hair = FacialHair::Beard;
  face.mouth_open = 0.5f;
  face.yaw = 14.0f;
  face.roll = -6.0f;
  face.gaze = 0.7f;
  face.shift_x = 0.02f;
  face.light_azimuth = 50.0f;
  const Bytes right = draw(face);
  for (const char* name : {"yaw", "roll", "gaze", "shift_x", "light_azimuth"}) {
    face = with(face, name, -factor(name).get(face));
  }
  const Bytes left = draw(face);
  int worst = 0;
  for (size_t y = 0; y < 64; ++y) {
    for (size_t x = 0; x < 64; ++x) {
      for (size_t c = 0; c < 3; ++c) {
        const int gap = right[(y * 64 + x) * 3 + c] - left[(y * 64 + 63 - x) * 3 + c];
        worst = std::max(worst, std::abs(gap));
      }
    }
  }
  EXPECT_LE(worst, 1);
  EXPECT_GT(difference(left, right, kEyes), 5.0) << "the two faces look the same way";
}

TEST(DrawFace, LightFallsOnTheSideItComesFrom) {
  FaceFactors face;
  face.light_strength = 0.8f;
  const Bytes dark(64 * 64 * 3, 0);
  const auto brightness = [&](float azimuth, Box box) {
    return difference(draw(with(face, "light_azimuth", azimuth)), dark, box);
  };
  constexpr Box kLeftCheek{0.30f, 0.62f, 0.38f, 0.70f}, kRightCheek{0.62f, 0.62f, 0.70f, 0.70f};
  EXPECT_GT(brightness(-70.0f, kLeftCheek), 1.15 * brightness(-70.0f, kRightCheek));
  EXPECT_GT(brightness(70.0f, kRightCheek), 1.15 * brightness(70.0f, kLeftCheek));
}

TEST(DrawFace, GreyIsTheLuminanceOfTheColours) {
  for (const int64_t size : {32, 64, 128}) {
    const FaceFactors face = random_face(4, size);
    const Bytes rgb = draw(face, size, 3), grey = draw(face, size, 1);
    for (size_t i = 0; i < grey.size(); ++i) {
      const double luminance = 0.299 * rgb[3 * i] + 0.587 * rgb[3 * i + 1] + 0.114 * rgb[3 * i + 2];
      ASSERT_NEAR(grey[i], luminance, 1.01) << "pixel " << i << " at " << size;
    }
  }
}

TEST(DrawFace, ASmallPictureIsALargeOneScaledDown) {
  double total_difference = 0.0;
  for (int64_t index = 0; index < 60; ++index) {
    const FaceFactors face = random_face(8, index);
    const Bytes small = draw(face, 32), large = draw(face, 128);
    double sum = 0.0;
    for (size_t y = 0; y < 32; ++y) {
      for (size_t x = 0; x < 32; ++x) {
        for (size_t c = 0; c < 3; ++c) {
          int total = 0;
          for (size_t k = 0; k < 16; ++k) total += large[((4 * y + k / 4) * 128 + 4 * x + k % 4) * 3 + c];
          sum += std::abs(total / 16.0 - small[(y * 32 + x) * 3 + c]);
        }
      }
    }
    const double mean = sum / (32 * 32 * 3);
    EXPECT_LT(mean, 4.0) << "face " << index;
    total_difference += mean;
  }
  EXPECT_LT(total_difference / 60, 2.0);
}

}  // namespace
}  // namespace duel
