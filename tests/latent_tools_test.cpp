// Sweeps, interpolation, inversion, nearest pictures and directions, on generators small enough to know.
#include <cmath>
#include <numeric>

#include "apps/gan/pictures.h"
#include "apps/gan/trainer.h"
#include "apps/latent/directions.h"
#include "apps/latent/expression.h"
#include "apps/latent/factors.h"
#include "apps/latent/interpolation.h"
#include "apps/latent/nearest.h"
#include "apps/latent/photos.h"
#include "apps/latent/sweep.h"
#include "tests/files.h"
#include "tests/tensors.h"

namespace duel::latent {
namespace {

gan::Config tiny(int64_t channels = 3) {
  gan::Config config;
  config.z_dim = 6;
  config.g_dim = 4;
  config.d_dim = 4;
  config.channels = channels;
  config.init_std = 0.2;  // enough that pictures differ visibly
  return config;
}

/// Fresh biases are 0, and then z = 0 lies where no ReLU passes a gradient; training soon moves them away.
void draw_biases(nn::Module& generator) {
  RandomStream stream(1, Stream::Check);
  for (const nn::NamedTensor& parameter : generator.parameters())
    if (parameter.name.ends_with("bias")) stream.fill(*parameter.tensor, Normal{0.5, 0.5});
}

/// A generator in a file; `change` may alter it before it is written.
class SavedTiny {
 public:
  explicit SavedTiny(const gan::Config& config = tiny(),
                     const std::function<void(nn::Module&)>& change = {}) {
    gan::Trainer trainer(config);
    draw_biases(trainer.generator());
    if (change) change(trainer.generator());
    gan::save_networks(path(), trainer);
  }
  std::filesystem::path path() const { return folder_ / "networks.safetensors"; }

 private:
  TemporaryFolder folder_;
};

TEST(LatentSweep, QuantilesAreTheNormalDistributions) {
  EXPECT_NEAR(normal_quantile(0.5), 0, 1e-15);
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-12);
  EXPECT_NEAR(normal_quantile(1e-10), -6.361340902404056, 1e-9);
  const std::vector<double> expected{-1.08031934, -0.69714143, -0.39691713, -0.12927146,
                                     0.12927146,  0.39691713,  0.69714143,  1.08031934};
  const std::vector<double> values = parse_quantiles("--quantiles", "0.14:0.86:8");
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 5e-9);
}

TEST(LatentSweep, ListsOfNumbersAreReadOrNamed) {
  EXPECT_EQ(parse_numbers("--mid", "-0.6,0,+.5,1e-1"), (std::vector<double>{-0.6, 0, 0.5, 0.1}));
  for (const char* bad : {"", "1,,2", "1,x", "1;2", "nan", "inf", "1 "})
    EXPECT_TRUE(error_of([&] { parse_numbers("--mid", bad); }).starts_with("--mid must be numbers")) << bad;
  EXPECT_EQ(error_of([] { parse_numbers("--mid", "1,-1e39"); }),
            "--mid must be numbers within single precision, got -1e39");
  for (const char* bad :
       {"", "0.1:0.9", "0.1:0.9:x", "0.1:0.9:2.5", "0:0.9:4", "0.1:1:4", "0.1:0.9:1", "0.1:0.9:1001"})
    EXPECT_TRUE(error_of([&] { parse_quantiles("--quantiles", bad); }).starts_with("--quantiles must "))
        << bad;
}

TEST(LatentSweep, ChangesOneComponentAlone) {
  const Latent face{1, 2, 3};
  const std::vector<Latent> faces = sweep(face, 1, {-0.5, 0.25});
  EXPECT_EQ(faces, (std::vector<Latent>{{1, -0.5f, 3}, {1, 0.25f, 3}}));
  for (const int64_t dim : {-1, 3})
    EXPECT_TRUE(contains(error_of([&] { sweep(face, dim, {0}); }), "have the components 0 to 2"));
}

TEST(LatentSweep, RanksFirstTheComponentThatMattersMost) {
  // The first layer hears of component 4 alone, and weakly of component 2.
  const SavedTiny saved(tiny(), [](nn::Module& generator) {
    for (const nn::NamedTensor& parameter : generator.parameters()) {
      if (parameter.name != "fc.weight") continue;
      std::vector<float> weights = parameter.tensor->to_vector<float>();
      for (size_t i = 0; i < weights.size(); ++i) weights[i] *= i % 6 == 4 ? 1.0f : i % 6 == 2 ? 0.1f : 0.0f;
      parameter.tensor->upload(weights.data());
    }
  });
  const Painter painter(saved.path(), {});
  const auto ranked = rank_components(painter, {Latent(6, 0.1f), Latent(6, -0.3f)}, -1, 1);
  ASSERT_EQ(ranked.size(), 6u);
  EXPECT_EQ(ranked[0].dim, 4);
  EXPECT_EQ(ranked[1].dim, 2);
  EXPECT_GT(ranked[0].change, 2 * ranked[1].change);
  EXPECT_GT(ranked[1].change, 0);
  for (size_t i = 2; i < 6; ++i) EXPECT_EQ(ranked[i].change, 0) << i;
  const Latent face(6, 0.1f);
  EXPECT_EQ(rank_components(painter, {face, face}, -1, 1)[0].change,
            rank_components(painter, {face}, -1, 1)[0].change)
      << "a change is the mean over the faces";
}

TEST(LatentInterpolation, BeginsAndEndsAtTheFaces) {
  const Latent a{3, 0, 4}, b{0, 5, 0};
  EXPECT_EQ(interpolate(a, b, 3, Method::Lerp), (std::vector<Latent>{a, {1.5f, 2.5f, 2}, b}));
  const std::vector<Latent> arc = interpolate(a, b, 5, Method::Slerp);
  ASSERT_EQ(arc.size(), 5u);
  for (const Latent& z : arc) EXPECT_NEAR(length({z.begin(), z.end()}), 5, 1e-5);
  EXPECT_NEAR(arc[4][1], 5, 1e-6);
}

TEST(LatentPainter, DrawsWhatSampleDraws) {
  const SavedTiny saved;
  const Painter painter(saved.path(), {});
  const std::vector<Latent> faces = painter.seeded(3, 5);
  gan::Config config;
  config.z_dim = 6;
  RandomStream stream(3, Stream::Latent);
  EXPECT_TRUE(same(to_tensor(faces, {}), gan::draw_z(stream, 5, config, {})));
  const std::vector<Image> pictures = painter.draw(faces);
  ASSERT_EQ(pictures.size(), 5u);
  EXPECT_EQ(pictures[2].pixels, painter.draw(faces[2]).pixels);
  EXPECT_EQ(to_latents(to_tensor(faces, {})), faces);
  EXPECT_GT(picture_distance(pictures[0], pictures[1]), 0);
  EXPECT_EQ(picture_distance(pictures[0], pictures[0]), 0);
}

TEST(LatentPainter, DrawsElsewhereWhatNoSampleIs) {
  const SavedTiny saved;
  const Painter painter(saved.path(), {});
  const std::vector<Latent> elsewhere = painter.elsewhere(3, 2);
  EXPECT_EQ(elsewhere, painter.elsewhere(3, 2));
  EXPECT_NE(elsewhere[0], elsewhere[1]);
  for (const Latent& sample : painter.seeded(3, 100))
    for (const Latent& face : elsewhere) EXPECT_NE(face, sample);
}

TEST(LatentPainter, DistanceIsTheRootMeanSquareInGreyLevels) {
  const Image a{2, 1, 1, {10, 20}}, b{2, 1, 1, {13, 24}};
  EXPECT_DOUBLE_EQ(picture_distance(a, b), std::sqrt(12.5));
  EXPECT_TRUE(contains(error_of([&] { picture_distance(a, {1, 1, 1, {0}}); }), "cannot be compared"));
}

TEST(LatentInversion, FindsBackAPictureOfTheGenerator) {
  const SavedTiny saved;
  const Painter painter(saved.path(), {});
  const std::vector<Latent> wanted = painter.seeded(5, 2);
  const Tensor targets = gan::generate(painter.network(), to_tensor(wanted, {}));
  const std::vector<Latent> starts(2, Latent(6, 0.0f));
  InversionOptions options{.steps = 300};
  options.steps = 200;
  options.path_every = 50;
  int64_t heard = 0;
  const std::vector<Search> found = invert(painter.network(), targets, starts, options,
                                           [&](int64_t done, double) { EXPECT_EQ(done, ++heard); });
  EXPECT_EQ(heard, 200);
  ASSERT_EQ(found.size(), 2u);
  for (size_t i = 0; i < found.size(); ++i) {
    const Search& search = found[i];
    ASSERT_EQ(search.errors.size(), 201u);
    EXPECT_EQ(search.error, *std::min_element(search.errors.begin(), search.errors.end()));
    EXPECT_LT(search.error, 0.02 * search.errors.front());
    EXPECT_LT(search.errors[100], 0.5 * search.errors[10]);
    EXPECT_TRUE(close(to_tensor({search.z}, {}), to_tensor({wanted[i]}, {}), 0.02));
    ASSERT_EQ(search.path.size(), 5u);
    EXPECT_EQ(search.path[0], starts[i]);
  }
}

TEST(LatentInversion, OneSearchIsNotFeltByAnother) {
  const SavedTiny saved;
  const Painter painter(saved.path(), {});
  const Tensor targets = gan::generate(painter.network(), to_tensor(painter.seeded(5, 3), {}));
  const std::vector<Latent> starts = painter.seeded(8, 3);
  const InversionOptions options{.steps = 5};
  const auto together = invert(painter.network(), targets, starts, options);
  const auto alone = invert(painter.network(), targets.rows(1, 1), {starts[1]}, options);
  EXPECT_TRUE(close(to_tensor({together[1].z}, {}), to_tensor({alone[0].z}, {}), 1e-4));
}

TEST(LatentInversion, KeepsWithinTheBoundAndLeavesTheGeneratorAlone) {
  const SavedTiny saved;
  const Painter painter(saved.path(), {});
  std::vector<std::pair<nn::NamedTensor, std::vector<double>>> before;
  for (const nn::NamedTensor& part : painter.network().state())
    if (part.tensor->dtype() == DType::Float32) before.emplace_back(part, values_of(*part.tensor));
  const Tensor targets = gan::generate(painter.network(), Tensor::full({1, 6}, 3));
  const auto largest = [&](double bound, float start = 0, int64_t steps = 100) {
    const auto found =
        invert(painter.network(), targets, {Latent(6, start)}, {.steps = steps, .bound = bound});
    float most = 0;
    for (const float x : found[0].z) most = std::max(most, std::fabs(x));
    return most;
  };
  EXPECT_EQ(largest(0.5), 0.5f);
  EXPECT_GT(largest(0), 1.0f);
  EXPECT_EQ(largest(0.5, 3, 1), 0.5f) << "a start beyond it is no find";
  for (const auto& [part, values] : before) {
    EXPECT_EQ(values_of(*part.tensor), values) << part.name;
    EXPECT_FALSE(part.tensor->grad().defined()) << part.name;
  }
  EXPECT_TRUE(contains(error_of([&] {
                         invert(painter.network(), Tensor::zeros({1, 16, 16, 3}), {Latent(6)}, {});
                       }),
                       "the pictures to find have the shape"));
}

TEST(LatentInversion, TheRateFallsToNothing) {
  const SavedTiny saved;
  const Painter painter(saved.path(), {});
  const Tensor targets = gan::generate(painter.network(), Tensor::full({1, 6}, 3));
  const InversionOptions options{.steps = 20, .bound = 0, .path_every = 1};
  const Search found = invert(painter.network(), targets, {Latent(6, 0.0f)}, options)[0];
  const auto moved = [&](size_t step) {
    float most = 0;
    for (size_t i = 0; i < 6; ++i)
      most = std::max(most, std::fabs(found.path[step][i] - found.path[step - 1][i]));
    return most / options.lr;
  };
  EXPECT_NEAR(moved(1), 1, 1e-3);
  EXPECT_LT(moved(20), 0.02);
}

/// Grey pictures of 2 x 2 pixels, each of one value.
class GreyPictures final : public Dataset {
 public:
  explicit GreyPictures(std::vector<uint8_t> values) : values_(std::move(values)) {}
  int64_t size() const override { return static_cast<int64_t>(values_.size()); }
  int64_t image_size() const override { return 2; }
  int64_t channels() const override { return 1; }
  void read(int64_t index, uint8_t* pixels) const override {
    std::fill_n(pixels, 4, values_[static_cast<size_t>(index)]);
  }
  std::string description() const override { return "grey"; }

 private:
  std::vector<uint8_t> values_;
};

TEST(LatentNearest, FindsTheNearestInOrder) {
  const GreyPictures data({10, 200, 50, 90, 55});
  const auto found = nearest({gan::picture_of(data, 4), {2, 2, 1, {0, 0, 0, 0}}}, data, 3, false);
  ASSERT_EQ(found.size(), 2u);
  const auto check_one = [](const Neighbour& neighbour, int64_t index, double distance) {
    EXPECT_EQ(neighbour.index, index);
    EXPECT_DOUBLE_EQ(neighbour.distance, distance);
  };
  ASSERT_EQ(found[0].size(), 3u);
  check_one(found[0][0], 4, 0);
  check_one(found[0][1], 2, 5);
  check_one(found[0][2], 3, 35);
  check_one(found[1][0], 0, 10);
  EXPECT_EQ(nearest({gan::picture_of(data, 0)}, data, 9, false)[0].size(), 5u) << "no more than there are";
  const GreyPictures alike({7, 7});
  const auto both = nearest({gan::picture_of(alike, 0)}, alike, 2, false)[0];
  check_one(both[0], 0, 0);
  check_one(both[1], 1, 0);
  EXPECT_EQ(nearest({gan::picture_of(alike, 0)}, alike, 1, false)[0][0].index, 0)
      << "the first of those alike";
}

TEST(LatentNearest, TheSetsOwnDistanceLeavesAPictureItselfOut) {
  for (const bool hflip : {false, true}) {
    EXPECT_DOUBLE_EQ(distance_within(GreyPictures({10, 200, 50, 90, 55}), 64, hflip),
                     35);  // of 40 145 5 35 5
    EXPECT_DOUBLE_EQ(distance_within(GreyPictures({7, 7}), 64, hflip), 0);
  }
  // Of some from all over the set, which may be sorted: of 1 49 50.
  EXPECT_DOUBLE_EQ(distance_within(GreyPictures({0, 1, 50, 100, 150, 200}), 3, false), 49);
}

/// Pictures of 2 x 2 pixels, each dark on its left or on its right half.
class Halves final : public Dataset {
 public:
  struct Half {
    uint8_t left, right;
  };
  explicit Halves(std::vector<Half> pictures) : pictures_(std::move(pictures)) {}
  int64_t size() const override { return static_cast<int64_t>(pictures_.size()); }
  int64_t image_size() const override { return 2; }
  int64_t channels() const override { return 1; }
  void read(int64_t index, uint8_t* pixels) const override {
    const auto [left, right] = pictures_[static_cast<size_t>(index)];
    for (int i = 0; i < 4; ++i) pixels[i] = i % 2 ? right : left;
  }
  std::string description() const override { return "halves"; }

 private:
  std::vector<Half> pictures_;
};

TEST(LatentNearest, MirrorImagesCountWhereTheRunMirrorsPictures) {
  const Halves data({{0, 100}, {90, 10}, {5, 5}});
  const Image drawn{2, 2, 1, {100, 0, 100, 0}};
  EXPECT_EQ(mirrored(drawn).pixels, (std::vector<uint8_t>{0, 100, 0, 100}));
  const std::vector<Neighbour> upright = nearest({drawn}, data, 3, false)[0],
                               both = nearest({drawn}, data, 3, true)[0];
  EXPECT_EQ(upright[0].index, 1);
  EXPECT_FALSE(upright[0].mirrored);
  EXPECT_EQ(upright[2].distance, 100);
  EXPECT_EQ(both[0].index, 0);
  EXPECT_EQ(both[0].distance, 0);
  EXPECT_TRUE(both[0].mirrored);
  EXPECT_EQ(both[1].index, 1);
  EXPECT_FALSE(both[1].mirrored);
  EXPECT_FALSE(both[2].mirrored) << "a picture that is its own mirror image";
  EXPECT_GT(distance_within(Halves({{0, 100}, {90, 10}}), 64, false), 80);
  EXPECT_EQ(distance_within(Halves({{0, 100}, {90, 10}}), 64, true), 10);
}

TEST(LatentDirections, AMeanDifferenceIsAddedToAFace) {
  const Latent direction = mean_difference({{1, 4}, {3, 4}}, {{1, 1}, {0, 0}, {2, 2}});
  EXPECT_EQ(direction, (Latent{1, 3}));
  EXPECT_EQ(along({5, 5}, direction, -2), (Latent{3, -1}));
  EXPECT_TRUE(contains(error_of([] { mean_difference({}, {{1}}); }), "needs pictures"));
  EXPECT_TRUE(contains(error_of([&] { along({5, 5}, direction, 3e38); }), "too large for single precision"));
}

TEST(LatentDirections, AContrastDiffersInNothingButTheFactor) {
  const FaceFactor& factor = find_factor("background_lightness");
  const Contrast contrast = draw_contrast(factor, 0.1f, 0.9f, 3, tiny());
  ASSERT_EQ(contrast.with.size(), 3u);
  ASSERT_EQ(contrast.without.size(), 3u);
  const auto corner = [](const Image& image) {
    return std::accumulate(&image.pixels[0], &image.pixels[3], 0);
  };
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_GT(corner(contrast.with[i]), corner(contrast.without[i]));
    const Image same_person = draw_contrast(factor, 0.9f, 0.9f, 3, tiny()).without[i];
    EXPECT_EQ(same_person.pixels, contrast.with[i].pixels);
  }
}

TEST(LatentDirections, FactorsAreNumbersOrChoices) {
  const FaceFactor& glasses = find_factor("glasses");
  EXPECT_EQ(factor_value(glasses, "--high", "rectangular"), 2);
  EXPECT_EQ(factor_value(glasses, "--high", "1"), 1);
  EXPECT_EQ(factor_value(find_factor("smile"), "--low", "-0.25"), -0.25f);
  EXPECT_EQ(error_of([&] { factor_value(glasses, "--high", "oval"); }),
            "--high of glasses must be 0 to 2, none, round, rectangular; got 'oval'");
  EXPECT_TRUE(contains(error_of([&] { factor_value(glasses, "--high", "1.5"); }), "got '1.5'"));
  EXPECT_TRUE(
      contains(error_of([] { factor_value(find_factor("smile"), "--low", "3"); }), "-0.5 to 1; got '3'"));
  EXPECT_TRUE(
      contains(error_of([] { find_factor("nose"); }), "there is no factor 'nose'; there are: skin_tone, "));
}

TEST(LatentDirections, InvertsAnyNumberOfPicturesInTheirOrder) {
  const SavedTiny saved;
  const Painter painter(saved.path(), {});
  const std::vector<Latent> wanted = painter.seeded(2, 35);  // more than are inverted at a time
  const Inverted inverted = invert_all(painter, painter.draw(wanted), {.steps = 150});
  ASSERT_EQ(inverted.faces.size(), 35u);
  for (const size_t i : {size_t{0}, size_t{31}, size_t{32}, size_t{34}}) {
    double distance = 0;
    for (size_t j = 0; j < 6; ++j) distance += std::fabs(inverted.faces[i][j] - wanted[i][j]) / 6;
    EXPECT_LT(distance, 0.1) << i;
  }
  EXPECT_LT(inverted.error, 3);
  double mean = 0;
  for (const Image& picture : painter.draw(wanted))
    mean += picture_distance(picture, painter.draw(Latent(6, 0.0f))) / 35;
  EXPECT_NEAR(invert_all(painter, painter.draw(wanted), {.steps = 0}).error, mean, 0.5);
}

TEST(LatentFactors, CorrelatesFactorsWithComponents) {
  std::vector<FaceFactors> people;
  std::vector<Latent> faces;
  RandomStream stream(1, Stream::Check);
  const Tensor noise = Tensor::empty({200, 4});
  stream.fill(noise, Uniform{-1, 1});
  faces = to_latents(noise);
  for (size_t i = 0; i < faces.size(); ++i) {
    FaceFactors person;
    person.smile = 0.25f - 0.5f * faces[i][2];  // exactly, falling
    const Glasses some = i % 2 ? Glasses::Round : Glasses::Rectangular;
    person.glasses = faces[i][1] > 0 ? some : Glasses::None;  // by its sign alone
    people.push_back(person);
  }
  const std::vector<FactorCorrelation> found = correlate(people, faces);
  EXPECT_EQ(found[0].factor, "smile");
  EXPECT_EQ(found[0].ranked()[0], 2u);
  EXPECT_NEAR(found[0].r[2], -1, 1e-6);
  EXPECT_LT(std::fabs(found[0].r[0]), 0.25);
  EXPECT_EQ(found[1].factor, "glasses");
  EXPECT_EQ(found[1].ranked()[0], 1u);
  EXPECT_NEAR(found[1].r[1], std::sqrt(0.75), 0.03);  // of a uniform number and its sign
  EXPECT_EQ(found[2].r, std::vector<double>(4, 0.0)) << "nothing else varies";
  for (const FactorCorrelation& correlation : found) {
    EXPECT_NE(correlation.factor, "hair_colour");
    EXPECT_NE(correlation.factor, "clothes_hue");
  }
  EXPECT_TRUE(contains(error_of([&] { correlate({}, faces); }), "0 people and 200 faces"));
}

}  // namespace
}  // namespace duel::latent
