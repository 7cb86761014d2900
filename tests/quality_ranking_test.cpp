// The quality numbers put generators in the order that everybody would put them in.
#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "apps/gan/training_run.h"
#include "apps/quality/evaluation.h"
#include "apps/quality/pictures.h"
#include "apps/quality/samples.h"
#include "apps/quality/streams.h"
#include "lib/autograd.h"
#include "lib/data/batch_loader.h"
#include "lib/kernels.h"
#include "tests/files.h"
#include "tests/tensors.h"

namespace duel::quality {
namespace {

using Numbers = std::map<std::string, Estimate>;

Numbers numbers_of(Evaluator& evaluator, const Tensor& samples) {
  Numbers numbers;
  for (const Score& score : evaluator.evaluate(samples).scores) numbers[score.name] = score.samples;
  return numbers;
}

/// Trains on `epochs` more passes over the data.
void train_on(gan::Trainer& trainer, BatchLoader& loader, int64_t epochs) {
  const gan::Config& c = trainer.config();
  for (int64_t i = 0; i < epochs * loader.steps_per_epoch(); ++i) {
    const Shape shape{c.batch_size, c.image_size, c.image_size, c.channels};
    const Tensor real = Tensor::empty(shape);
    kernels({}).pixels_to_float(Tensor::from(loader.next().pixels, shape), real);
    trainer.d_step(real, trainer.draw_z(c.batch_size));
    trainer.g_step(trainer.draw_z(c.batch_size));
  }
}

TEST(QualityRanking, UntrainedThenOneEpochThenTenThenRealsAndACollapsedModelHasNoVariety) {
  constexpr int64_t count = 200;
  const SyntheticFaces faces(2048, 32, 3, 1);
  Evaluator evaluator(faces, {.count = count, .replicates = 30});
  gan::Config config;
  config.g_dim = config.d_dim = 16;
  config.batch_size = 16;
  config.optimizer_g.lr = config.optimizer_d.lr = 5e-4;
  gan::Trainer trainer(config);
  BatchLoader loader(faces, {.batch_size = config.batch_size});
  const auto samples = [&] { return draw_samples(trainer.generator(), config, count, 1, {}); };

  const Numbers untrained = numbers_of(evaluator, samples());
  train_on(trainer, loader, 1);
  const Numbers one = numbers_of(evaluator, samples());
  train_on(trainer, loader, 9);
  const Tensor good = samples();
  const Numbers ten = numbers_of(evaluator, good);
  const Tensor one_face = Tensor::empty(good.shape());
  for (int64_t i = 0; i < count; ++i) one_face.rows(i, 1).copy_from(good.rows(0, 1));
  const Numbers collapsed = numbers_of(evaluator, one_face);

  EXPECT_GT(untrained.at("swd").low, one.at("swd").high);
  EXPECT_GT(one.at("swd").value, ten.at("swd").high);
  EXPECT_LT(one.at("coverage").high, ten.at("coverage").low);
  // A few outermost reals, whose balls are wide, decide on these: of so few pictures they are known badly.
  EXPECT_LT(one.at("precision").high, ten.at("precision").value);
  EXPECT_LT(one.at("density").high, ten.at("density").value);
  EXPECT_GT(collapsed.at("swd").low, ten.at("swd").high);
  EXPECT_GT(collapsed.at("ms_ssim").low, ten.at("ms_ssim").high);
  EXPECT_LT(collapsed.at("coverage").high, ten.at("coverage").low);
  for (const Score& score : evaluator.evaluate(good).scores) {
    if (score.name == "swd") {
      EXPECT_GT(ten.at("swd").low, score.reals.value);
    } else if (score.name == "coverage") {
      EXPECT_LT(ten.at("coverage").high, score.reals.low);
    }
  }
}

TEST(QualityEvaluator, RefusesSamplesOfWhatIsNoNumber) {
  const SyntheticFaces faces(24, 32, 3, 1);
  Evaluator evaluator(faces, {.count = 12, .replicates = 5});
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    const Tensor samples = Tensor::zeros({12, 32, 32, 3});
    samples.rows(11, 1).copy_from(Tensor::full({1, 32, 32, 3}, bad));
    EXPECT_TRUE(contains(error_of([&] { evaluator.evaluate(samples); }),
                         "quality: the samples hold numbers that are not finite"));
  }
}

// Patches are drawn anew for each set: the distances alone may differ.
TEST(QualityEvaluator, NoiseIsUniformOverTheRangeOfPixels) {
  const SyntheticFaces faces(24, 32, 3, 1);
  Evaluator evaluator(faces, {.count = 12, .seed = 5, .replicates = 5});
  const Tensor noise = Tensor::empty({12, 32, 32, 3});
  RandomStream(5, static_cast<Stream>(stream(Purpose::Noise))).fill(noise, Uniform{-1, 1});
  for (const Score& score : evaluator.evaluate(noise).scores) {
    if (score.name.starts_with("swd")) {
      EXPECT_NEAR(score.samples.value / score.noise.value, 1, 0.1) << score.name;
    } else {
      EXPECT_EQ(score.samples.value, score.noise.value) << score.name;
    }
  }
}

TEST(QualityEvaluator, EachPictureIsInOnePairOfMsSsim) {
  const SyntheticFaces faces(24, 32, 3, 1);
  Evaluator evaluator(faces, {.count = 12, .replicates = 5});
  const Tensor samples = random_tensor({12, 32, 32, 3}, 1, DType::Float32, Uniform{-1, 1});
  for (int64_t i = 0; i < 12; i += 2) samples.rows(i + 1, 1).copy_from(samples.rows(i, 1));
  EXPECT_NEAR(numbers_of(evaluator, samples).at("ms_ssim").value, 1, 1e-6);
}

TEST(QualityFactors, ThoseOfKnownFacesAreReadRightAndNoiseIsNotThoseOfTheSamples) {
  constexpr int64_t count = 40;
  KnownFaces known{random_tensor({count, 8}, 1, DType::Float32), {}};
  for (int64_t i = 0; i < count; ++i) known.factors.push_back(random_face(1, i));
  const Tensor noise = random_tensor({count, 8}, 2, DType::Float32), one_face = Tensor::empty({count, 8});
  for (int64_t i = 0; i < count; ++i) one_face.rows(i, 1).copy_from(known.points.rows(0, 1));
  const auto of_all = factor_coverage(known, known, known.points, noise, 5, 1),
             of_one = factor_coverage(known, known, one_face, noise, 5, 1);
  ASSERT_EQ(of_all.size(), face_factors().size());
  for (size_t i = 0; i < of_all.size(); ++i) {
    const std::string& name = of_all[i].name;
    EXPECT_NEAR(of_all[i].trust, 1, 1e-9) << name;
    EXPECT_NEAR(of_all[i].samples.value, 1, 1e-9) << name;
    EXPECT_NEAR(of_all[i].reals.value, 1, 1e-9) << name;
    EXPECT_LT(of_one[i].samples.value, 0.9) << name;
    EXPECT_EQ(of_all[i].noise.value, of_one[i].noise.value) << name;
  }
}

// 359 degrees are 2 from 1, and not 358.
TEST(QualityFactors, HuesAreComparedAroundTheCircle) {
  constexpr int64_t count = 60;
  const auto trust = [&](const auto& known_hue, const auto& true_hue) {
    KnownFaces known{random_tensor({count, 8}, 1, DType::Float32), {}}, reals = known;
    for (int64_t i = 0; i < count; ++i) {
      FaceFactors face = random_face(1, i);
      face.background_hue = known_hue(i);
      known.factors.push_back(face);
      face.background_hue = true_hue(i);
      reals.factors.push_back(face);
    }
    for (const FactorCoverage& factor : factor_coverage(known, reals, known.points, known.points, 5, 1))
      if (factor.name == "background_hue") return factor.trust;
    return std::numeric_limits<double>::quiet_NaN();
  };
  const auto on_circle = [](double degrees) {
    return static_cast<float>(degrees < 0 ? degrees + 360 : degrees >= 360 ? degrees - 360 : degrees);
  };
  // Reds, on either side of 0, which are read 3 degrees too high or too low.
  const auto red = [](int64_t i) { return static_cast<double>(i) / 2 - 15; };
  const auto error = [](int64_t i) { return i % 2 ? 3 : -3; };
  EXPECT_GT(trust([&](int64_t i) { return on_circle(red(i) + error(i)); },
                  [&](int64_t i) { return on_circle(red(i)); }),
            0.9);
  // All hues, read 60 degrees too high or too low, whose cosine is 0.5; then in disorder, and in reverse.
  const auto any = [](int64_t i) { return static_cast<double>(i) * 360 / count; };
  const auto truth = [&](int64_t i) { return on_circle(any(i)); };
  EXPECT_NEAR(trust([&](int64_t i) { return on_circle(any(i) + (i % 2 ? 60 : -60)); }, truth), 0.5, 1e-3);
  EXPECT_NEAR(trust([&](int64_t i) { return on_circle(any(i * 7 % count)); }, truth), 0, 0.1);
  EXPECT_NEAR(trust([&](int64_t i) { return on_circle(359 - any(i)); }, truth), -1, 1e-3);
  EXPECT_NEAR(trust([](int64_t) { return 1.0f; }, truth), 0, 1e-6);
}

TEST(QualityRanking, ReadsFactorsAndFindsCopies) {
  constexpr int64_t count = 200;
  const SyntheticFaces faces(800, 32, 3, 1), strangers(count, 32, 3, 2);
  Evaluator evaluator(faces, {.count = count, .replicates = 20});
  const auto pictures_of = [&](const Dataset& data, int64_t every) {
    std::vector<uint8_t> pixels(static_cast<size_t>(count * data.picture_bytes()));
    for (int64_t i = 0; i < count; ++i) data.read(i * every, pixels.data() + i * data.picture_bytes());
    const Tensor pictures = Tensor::empty({count, 32, 32, 3});
    kernels({}).pixels_to_float(Tensor::from(pixels, pictures.shape()), pictures);
    return pictures;
  };
  EXPECT_EQ(numbers_of(evaluator, pictures_of(faces, 3)).at("copies").value, 1);
  EXPECT_LT(numbers_of(evaluator, pictures_of(strangers, 1)).at("copies").value, 0.05);
  // Mirror images are copies where the run has mirrored its pictures, whose own are then left out, too.
  const Tensor mirror_images = mirrored(pictures_of(faces, 3));
  EXPECT_LT(numbers_of(evaluator, mirror_images).at("copies").value, 0.5);
  Evaluator mirroring(faces, {.count = count, .replicates = 20, .hflip = true});
  EXPECT_EQ(numbers_of(mirroring, mirror_images).at("copies").value, 1);
  for (const Score& score : mirroring.evaluate(mirror_images).scores)
    EXPECT_TRUE(score.name != "copies" || score.reals.value < 0.05) << score.reals.value;
  // Nor are reals that were held back copies of the others.
  for (const Score& score : evaluator.evaluate(pictures_of(strangers, 1)).scores)
    EXPECT_TRUE(score.name != "copies" || score.reals.value < 0.05) << score.reals.value;

  // Half of the pictures: those with the darkest backgrounds.
  const FaceFactor* lightness = nullptr;
  for (const FaceFactor& factor : face_factors())
    if (std::string(factor.name) == "background_lightness") lightness = &factor;
  ASSERT_NE(lightness, nullptr);
  FaceFactors face;
  std::vector<uint8_t> pixels(static_cast<size_t>(count * faces.picture_bytes()));
  for (int64_t i = 0; i < count; ++i) {
    face = random_face(3, i);
    lightness->set(face, lightness->low);
    draw_face(face, 32, 3, pixels.data() + i * faces.picture_bytes());
  }
  const Tensor dark = Tensor::empty({count, 32, 32, 3});
  kernels({}).pixels_to_float(Tensor::from(pixels, dark.shape()), dark);
  for (const FactorCoverage& factor : evaluator.evaluate(dark).factors) {
    if (factor.name != "background_lightness") continue;
    EXPECT_GT(factor.trust, 0.8);
    EXPECT_GT(factor.reals.value, 0.8);
    EXPECT_LT(factor.samples.high, 0.4);
  }
}

}  // namespace
}  // namespace duel::quality
