// The quality numbers against their published definitions, computed by an independent script: see
// tests/reference/README.md.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "apps/quality/features.h"
#include "apps/quality/manifold.h"
#include "apps/quality/ms_ssim.h"
#include "apps/quality/neighbours.h"
#include "apps/quality/pyramid_distance.h"
#include "lib/io/safetensors.h"
#include "lib/kernels.h"
#include "tests/tensors.h"

namespace duel::quality {
namespace {

class QualityReference : public testing::Test {
 protected:
  Tensor pictures(const char* name) const {
    const Tensor& pixels = file_.at(name);
    const Tensor pictures = Tensor::empty(pixels.shape());
    kernels({}).pixels_to_float(pixels, pictures);
    return pictures;
  }
  Tensor points(const char* name) const { return pictures(name).view({20, 32 * 32 * 3}); }
  std::vector<double> numbers(const std::string& name) const { return file_.at(name).to_vector<double>(); }

  const SafetensorsFile file_ = read_safetensors(DUEL_SOURCE_DIR "/tests/reference/quality.safetensors");
};

TEST_F(QualityReference, LaplacianPyramid) {
  const std::vector<Tensor> bands = laplacian_pyramid(pictures("reals"));
  ASSERT_EQ(bands.size(), 2u);
  EXPECT_TRUE(close(bands[0].rows(0, 1).view({32, 32, 3}), file_.at("band_32"), 1e-5));
  EXPECT_TRUE(close(bands[1].rows(0, 1).view({16, 16, 3}), file_.at("band_16"), 1e-5));
}

TEST_F(QualityReference, SlicedWassersteinDistance) {
  const std::vector<Tensor> reals = laplacian_pyramid(pictures("reals")),
                            fakes = laplacian_pyramid(pictures("fakes"));
  for (size_t band = 0; band < 2; ++band) {
    const std::string side = std::to_string(reals[band].dim(1));
    const std::vector<int64_t> all = file_.at("places_" + side).to_vector<int64_t>();
    const auto places = [&](int64_t set) {
      const auto begin = all.begin() + set * 120;
      return PatchPlaces{3, {begin, begin + 60}, {begin + 60, begin + 120}};
    };
    const Tensor& directions = file_.at("directions");
    const double distance =
        sliced_wasserstein(project(patch_descriptors(reals[band], places(0)), directions),
                           project(patch_descriptors(fakes[band], places(1)), directions));
    EXPECT_NEAR(distance / numbers("swd_" + side)[0], 1, 1e-4) << side;
  }
}

TEST_F(QualityReference, MsSsim) {
  std::vector<std::pair<int64_t, int64_t>> pairs;
  for (int64_t i = 0; i < 20; i += 2) pairs.emplace_back(i, i + 1);
  const std::vector<double> ours = ms_ssim(pictures("fakes"), pairs), expected = numbers("ms_ssim");
  ASSERT_EQ(ours.size(), expected.size());
  for (size_t i = 0; i < ours.size(); ++i) EXPECT_NEAR(ours[i], expected[i], 1e-5);
}

TEST_F(QualityReference, LargePictures) {
  const Tensor large = pictures("large");
  const std::vector<Tensor> bands = laplacian_pyramid(large);
  ASSERT_EQ(bands.size(), 3u);
  for (const Tensor& band : bands) {
    const int64_t side = band.dim(1);
    EXPECT_TRUE(
        close(band.rows(0, 1).view({side, side, 1}), file_.at("large_band_" + std::to_string(side)), 1e-5))
        << side;
  }
  const std::vector<double> ours = ms_ssim(large, {{0, 2}, {1, 3}}), expected = numbers("large_ms_ssim");
  for (size_t i = 0; i < ours.size(); ++i) EXPECT_NEAR(ours[i], expected[i], 1e-5);
}

TEST_F(QualityReference, PrecisionRecallDensityCoverage) {
  const Manifold manifold = compare_manifolds(points("reals"), points("fakes"));
  EXPECT_EQ(manifold.precision, numbers("precision"));
  EXPECT_EQ(manifold.recall, numbers("recall"));
  EXPECT_EQ(manifold.coverage, numbers("coverage"));
  const std::vector<double> density = numbers("density");
  for (size_t i = 0; i < density.size(); ++i) EXPECT_NEAR(manifold.density[i], density[i], 1e-12) << i;
}

TEST_F(QualityReference, Copies) {
  EXPECT_EQ(copies(points("fakes"), points("reals")), numbers("copies"));
  // Among the reals each is its own copy, unless it is told to leave itself out.
  std::vector<int64_t> itself(20);
  std::iota(itself.begin(), itself.end(), 0);
  const auto count = [](const std::vector<double>& found) {
    return std::accumulate(found.begin(), found.end(), 0.0);
  };
  EXPECT_EQ(count(copies(points("reals"), points("reals"))), 20);
  EXPECT_EQ(count(copies(points("reals"), points("reals"), itself)), 0);
}

TEST(QualityMsSsim, TakesTheScalesThatFit) {
  EXPECT_EQ(ms_ssim_scales(32), 2);
  EXPECT_EQ(ms_ssim_scales(64), 3);
  EXPECT_EQ(ms_ssim_scales(128), 4);
  EXPECT_EQ(ms_ssim_scales(256), 5);
  EXPECT_EQ(ms_ssim_scales(1024), 5);
}

TEST(QualityMsSsim, IsOneForEqualPictures) {
  const Tensor picture = random_tensor({1, 32, 32, 3}, 1, DType::Float32, Uniform{-1, 1});
  EXPECT_NEAR(ms_ssim(picture, {{0, 0}})[0], 1, 1e-12);
}

TEST(QualityMsSsim, ComparesIntensitiesAndNotTheirSigns) {
  // Wide waves from -0.8 to 0.8, the same ones 20 of 255 grey levels lighter or darker, and their negative.
  const double steps = 20 / 127.5;
  const Tensor pictures = Tensor::empty({4, 64, 64, 1});
  float* const values = pictures.data<float>();
  for (int64_t i = 0; i < 64 * 64; ++i) {
    const double wave =
        0.8 * std::sin(0.15 * static_cast<double>(i % 64)) * std::cos(0.11 * static_cast<double>(i / 64));
    values[i] = static_cast<float>(wave);
    values[64 * 64 + i] = static_cast<float>(wave + steps);
    values[2 * 64 * 64 + i] = static_cast<float>(wave - steps);
    values[3 * 64 * 64 + i] = static_cast<float>(-wave);
  }
  const std::vector<double> found = ms_ssim(pictures, {{0, 1}, {0, 2}, {0, 3}});
  EXPECT_GT(found[0], 0.95);
  EXPECT_GT(found[1], 0.95);
  EXPECT_NEAR(found[2], 0, 1e-6);
  // The means of flat pictures are all that tells them apart: (2ab + c1) / (a^2 + b^2 + c1), c1 = 0.02^2.
  const Tensor flat = Tensor::empty({2, 32, 32, 1});
  flat.rows(0, 1).fill(-0.5);
  flat.rows(1, 1).fill(0.5);
  const double last = 0.2856 / (0.0448 + 0.2856);  // of two scales
  EXPECT_NEAR(ms_ssim(flat, {{0, 1}})[0], std::pow(1.5004 / 2.5004, last), 1e-6);
}

TEST(QualityPyramid, FlatPicturesHaveNoDetails) {
  // What rounding leaves in the upper band is not made as large as what pictures hold.
  const Tensor flat = Tensor::empty({16, 32, 32, 1});
  for (int64_t i = 0; i < 16; ++i)
    flat.rows(i, 1).copy_from(Tensor::full({1, 32, 32, 1}, 0.7 + 0.013 * static_cast<double>(i)));
  PhiloxWalk random(1, 0);
  const Tensor patches = patch_descriptors(laplacian_pyramid(flat)[0], random_places(16, 8, 32, random));
  for (const float x : patches.to_vector<float>()) EXPECT_NEAR(x, 0, 0.5);
}

TEST(QualityDistances, WhatIsNoNumberIsFarFromEverything) {
  const Tensor points = Tensor::zeros({8, 2}), broken = Tensor::full({8, 2}, NAN);
  EXPECT_EQ(distances(broken, points).to_vector<float>(), std::vector<float>(64, INFINITY));
  const Manifold manifold = compare_manifolds(points, broken);
  for (const auto& numbers : {manifold.precision, manifold.recall, manifold.density, manifold.coverage})
    EXPECT_EQ(numbers, std::vector<double>(8, 0.0));
}

TEST(QualityFeatures, AreTheSameEachTimeAndTellPicturesApart) {
  for (const int64_t side : {32, 64}) {
    const Tensor pictures = random_tensor({130, side, side, 1}, 1, DType::Float32, Uniform{-1, 1});
    const Tensor features = RandomFeatures(side, 1)(pictures);
    EXPECT_EQ(features.shape(), (Shape{130, 4 * side}));
    EXPECT_TRUE(same(RandomFeatures(side, 1)(pictures), features));
    EXPECT_TRUE(close(RandomFeatures(side, 1)(pictures.rows(129, 1)), features.rows(129, 1), 1e-5));
    EXPECT_FALSE(close(features.rows(0, 1), features.rows(1, 1), 1e-3));
  }
}

}  // namespace
}  // namespace duel::quality
