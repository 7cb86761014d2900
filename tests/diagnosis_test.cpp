// The diagnosis of runs: what it measures, what it keeps, and that it is silent where nothing is wrong.
#include "apps/diagnosis/diagnosis.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <numeric>

#include "apps/diagnosis/labs.h"
#include "apps/gan/training_run.h"
#include "apps/quality/pictures.h"
#include "apps/quality/samples.h"
#include "lib/autograd.h"
#include "lib/data/synthetic.h"
#include "lib/io/safetensors.h"
#include "ops/layout.h"
#include "tests/files.h"
#include "tests/tensors.h"

namespace duel::diagnosis {
namespace {

TEST(DiagnosisVitals, AreNoNumbersWhereSamplesAreNone) {
  gan::Config config;
  config.g_dim = config.d_dim = 4;
  gan::Trainer trainer(config);
  const Examination examination(SyntheticFaces(16, 32, 3, 1), false);
  constexpr double Vitals::*of_samples[] = {&Vitals::pixel_diversity, &Vitals::feature_diversity,
                                            &Vitals::checkerboard,    &Vitals::checkerboard_share,
                                            &Vitals::copies,          &Vitals::nearness};
  Vitals vitals;
  for (const auto figure : of_samples) vitals.*figure = NAN;
  examination.look(trainer, vitals);
  for (const auto figure : of_samples) EXPECT_TRUE(std::isfinite(vitals.*figure));
  for (const nn::NamedTensor& part : trainer.generator().parameters())
    part.tensor->copy_from(Tensor::full(part.tensor->shape(), NAN));
  examination.look(trainer, vitals);
  for (const auto figure : of_samples) EXPECT_TRUE(std::isnan(vitals.*figure));
}

/// Pictures (N, 32, 32, 3) in [-1, 1] as a set.
class PictureSet final : public Dataset {
 public:
  explicit PictureSet(Tensor pictures) : pictures_(std::move(pictures)) {}
  int64_t size() const override { return pictures_.dim(0); }
  int64_t image_size() const override { return 32; }
  int64_t channels() const override { return 3; }
  std::string description() const override { return "pictures"; }
  void read(int64_t index, uint8_t* pixels) const override {
    for (const float x : pictures_.rows(index, 1).to_vector<float>())
      *pixels++ = static_cast<uint8_t>(std::lround(127.5f * (x + 1)));
  }

 private:
  Tensor pictures_;
};

TEST(DiagnosisVitals, CopiesOfMirroredPicturesAreCopiesWhereTheRunMirrorsThem) {
  gan::Config config;
  config.g_dim = config.d_dim = 4;
  config.init_std = 0.2;  // enough that samples differ
  gan::Trainer trainer(config);
  const Tensor samples = quality::draw_samples(trainer.generator(), config, 128, config.seed, {});
  const auto look = [&](const Tensor& pictures, bool hflip) {
    Vitals vitals;
    Examination(PictureSet(pictures), hflip).look(trainer, vitals);
    return vitals;
  };
  // Of 40 training pictures all are compared with the sample, of 128 the nearest.
  for (const int64_t count : {40, 128}) {
    const Tensor some = samples.rows(0, count), mirrored = quality::mirrored(some);
    const double expected = static_cast<double>(count) / 128;
    for (const Vitals& v : {look(some, false), look(some, true), look(mirrored, true)})
      EXPECT_NEAR(v.copies, expected, 0.1) << count;
    EXPECT_LT(look(mirrored, false).copies, 0.1 * expected) << count;
  }
  EXPECT_LT(look(quality::mirrored(samples), true).nearness, 0.1);
  EXPECT_GT(look(quality::mirrored(samples), false).nearness, 0.5);
}

/// Small networks whose samples differ from the beginning.
gan::Config varied_config() {
  gan::Config config;
  config.g_dim = config.d_dim = 4;
  config.init_std = 0.2;
  config.batch_size = 8;
  return config;
}

// The first half of them are alike.
TEST(DiagnosisVitals, AreThoseOfPicturesFromAllOverTheSet) {
  gan::Trainer trainer(varied_config());
  const Tensor samples = quality::draw_samples(trainer.generator(), trainer.config(), 128, 1, {});
  Vitals vitals;
  Examination(PictureSet(concatenate({Tensor::zeros(samples.shape()), samples}, 0)), false)
      .look(trainer, vitals);
  EXPECT_GT(vitals.pixel_diversity, 0.5);
  EXPECT_LT(vitals.pixel_diversity, 2);
}

/// The mean distance of two different pictures.
double mean_distance(const Tensor& pictures) {
  const Tensor points = quality::points_of(pictures);
  const int64_t count = points.dim(0), width = points.dim(1);
  const float* const p = points.data<float>();
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t j = 0; j < i; ++j)
      sum +=
          std::sqrt(std::inner_product(p + i * width, p + (i + 1) * width, p + j * width, 0.0, std::plus<>(),
                                       [](double a, double b) { return (a - b) * (a - b); }));
  }
  return sum / static_cast<double>(count * (count - 1) / 2);
}

// Of four training pictures one is a quarter: distances to themselves would show.
TEST(DiagnosisVitals, DiversityIsTheMeanDistanceOverThatOfTheReals) {
  gan::Trainer trainer(varied_config());
  const SyntheticFaces faces(4, 32, 3, 1);
  const std::vector<int64_t> all{0, 1, 2, 3};
  Vitals vitals;
  Examination(faces, false).look(trainer, vitals);
  const Tensor samples =
      quality::draw_samples(trainer.generator(), trainer.config(), 128, trainer.config().seed, {});
  const double expected = mean_distance(samples) / mean_distance(quality::read_pictures(faces, all));
  EXPECT_NEAR(vitals.pixel_diversity / expected, 1, 1e-3);
}

TEST(DiagnosisVitals, TheGradientOfGIsTheNormOverAllParameters) {
  gan::Trainer trainer(varied_config());
  const auto parameters = trainer.generator().parameters();
  for (const auto& [tensor, value] : {std::pair{parameters[0].tensor, 3.0f}, {parameters[1].tensor, 4.0f}}) {
    const Tensor gradient = Tensor::zeros(tensor->shape());
    gradient.data<float>()[1] = value;
    backward(*tensor, gradient);
  }
  Vitals vitals;
  Examination(SyntheticFaces(4, 32, 3, 1), false).look(trainer, vitals);
  EXPECT_EQ(vitals.g_gradient, 5);
}

/// An epoch's end as a run tells of it.
void end_epoch(Diagnosis& diagnosis, gan::Trainer& trainer, const gan::RunFolder& folder,
               const gan::Position& position) {
  diagnosis.epoch_done(trainer, folder, position);
  gan::save_checkpoint(folder.latest(), trainer, position);
  diagnosis.epoch_saved(folder, position);
}

// An epoch has 12 steps, and a look is due after every second one: after 24 and 48.
TEST(DiagnosisVitals, LinesAreThoseSinceTheLookBeforeAndSwingsThoseOfTheLastEight) {
  const TemporaryFolder temporary;
  gan::Trainer trainer(varied_config());
  const SyntheticFaces faces(96, 32, 3, 1);
  const gan::RunFolder folder = gan::RunFolder::create(temporary / "run", trainer.config());
  Diagnosis diagnosis(faces, OnFailure::Warn, [](const std::string&) {});
  diagnosis.begin(trainer, folder, {.pictures = 96});
  const auto log = [&](int64_t step, double d_loss) {
    diagnosis.logged(trainer, {.step = step, .d_loss = d_loss, .d_fake = step % 2 ? 0.1 : 0.9});
  };
  for (int64_t step = 17; step <= 24; ++step) log(step, step == 24 ? 100 : 4);
  diagnosis.epoch_done(trainer, folder, {.epoch = 2, .pictures = 96});
  ASSERT_EQ(diagnosis.history().size(), 1u);
  EXPECT_EQ(diagnosis.history()[0].d_loss, 16);
  EXPECT_EQ(diagnosis.history()[0].swings, 0) << "eight lines have seven steps between them";
  log(25, 1);
  log(48, 1);
  diagnosis.epoch_done(trainer, folder, {.epoch = 4, .pictures = 96});
  ASSERT_EQ(diagnosis.history().size(), 2u);
  EXPECT_EQ(diagnosis.history()[1].d_loss, 1);
  EXPECT_EQ(diagnosis.history()[1].swings, 1);
}

TEST(DiagnosisRollback, KeepsTheCheckpointsOfHealthyLooksAlone) {
  const TemporaryFolder temporary;
  gan::Trainer trainer(varied_config());
  // G is as good as can be, and an epoch has 12 steps: every second one brings it past a multiple of 20.
  const PictureSet data(quality::draw_samples(trainer.generator(), trainer.config(), 96, 9, {}));
  const gan::RunFolder folder = gan::RunFolder::create(temporary / "run", trainer.config());
  Diagnosis diagnosis(data, OnFailure::Rollback, [](const std::string&) {});
  diagnosis.begin(trainer, folder, {.pictures = 96});
  const auto kept_after = [&](int64_t epoch) {
    end_epoch(diagnosis, trainer, folder, {.epoch = epoch, .pictures = 96});
    const auto healthy = healthy_checkpoint(folder);
    return std::filesystem::exists(healthy) ? read_safetensors(healthy).metadata.at("epoch") : "none";
  };
  EXPECT_EQ(kept_after(1), "none");
  EXPECT_EQ(kept_after(2), "2");
  EXPECT_EQ(kept_after(3), "2");
  for (const nn::NamedTensor& part : trainer.generator().parameters()) part.tensor->fill(0);
  EXPECT_EQ(kept_after(4), "2") << "all samples are alike";
}

// Where G repeats the training pictures a lower rate changes nothing.
TEST(DiagnosisRollback, IsForWhatALowerRateMayMend) {
  gan::Trainer trainer(varied_config());
  const Tensor samples =
      quality::draw_samples(trainer.generator(), trainer.config(), 128, trainer.config().seed, {});
  const PictureSet data(samples);
  for (const OnFailure on_failure : {OnFailure::Rollback, OnFailure::Stop}) {
    const TemporaryFolder temporary;
    const gan::RunFolder folder = gan::RunFolder::create(temporary / "run", trainer.config());
    Diagnosis diagnosis(data, on_failure, [](const std::string&) {});
    diagnosis.begin(trainer, folder, {.pictures = 128});
    const auto third_look = [&] {
      for (const int64_t epoch : {20, 25, 30})  // of 16 steps each
        end_epoch(diagnosis, trainer, folder, {.epoch = epoch, .pictures = 128});
    };
    if (on_failure == OnFailure::Rollback) {
      EXPECT_NO_THROW(third_look());
    } else {
      EXPECT_THROW(third_look(), gan::Failure);
    }
    std::ifstream in(temporary / "run/diagnosis.csv");
    EXPECT_TRUE(contains(std::string(std::istreambuf_iterator<char>(in), {}), ",memorisation,"));
  }
}

TEST(DiagnosisVitals, SeeAGridOfTwoPixels) {
  const Tensor smooth = Tensor::empty({4, 32, 32, 3}), grid = Tensor::empty({4, 32, 32, 3});
  float *a = smooth.data<float>(), *b = grid.data<float>();
  for (int64_t i = 0; i < smooth.numel(); ++i) {
    const int64_t x = i / 3 % 32, y = i / 96 % 32, picture = i / 3072;
    a[i] = static_cast<float>(0.5 * std::sin(0.3 * static_cast<double>(x * (picture + 1))) *
                              std::cos(0.2 * static_cast<double>(y)));
    b[i] = a[i] + (x % 2 ? 0.1f : -0.1f);
  }
  EXPECT_LT(stride_peak(smooth).share, 0.01);
  EXPECT_GT(stride_peak(grid).height, 100 * stride_peak(smooth).height);
  // 0.1² of the variance: 0.0625 of the waves, 0.01 of the grid.
  EXPECT_NEAR(stride_peak(grid).share, 0.01 / 0.0725, 0.03);
  EXPECT_EQ(stride_peak(Tensor::zeros({2, 32, 32, 3})).height, 0);
}

// Of the waves along x the grid has 16 in a picture. Those that are one fewer would be a grid that is not
// quite even: the peak is held against those that are two fewer.
TEST(DiagnosisVitals, AGridIsHeldAgainstTheWavesTwoFewer) {
  const Tensor pictures = Tensor::empty({1, 32, 32, 1});
  float* to = pictures.data<float>();
  for (int64_t i = 0; i < pictures.numel(); ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i % 32) / 32;
    *to++ = static_cast<float>(0.2 * std::cos(16 * angle) + 0.3 * std::cos(15 * angle) +
                               0.1 * std::cos(14 * angle));
  }
  // A wave's power is a quarter of its square, at the edge of what the pixels can show all of it.
  EXPECT_NEAR(stride_peak(pictures).height, 0.04 / 0.0025, 1e-4);
  EXPECT_NEAR(stride_peak(pictures).share, 0.04 / (0.04 + 0.045 + 0.005), 1e-6);
}

/// The causes that a run's diagnosis names. It ends where `awaited` is among them.
class Listener {
 public:
  explicit Listener(const char* awaited) : awaited_(awaited) {}

  void run(gan::Trainer& trainer, const Dataset& data) {
    Diagnosis diagnosis(data, OnFailure::Warn, [&](const std::string&) {});
    struct Ear final : gan::Observer {
      Listener& listener;
      explicit Ear(Listener& to) : listener(to) {}
      void epoch_done(gan::Trainer&, const gan::RunFolder& run, const gan::Position&) override {
        listener.listen(run);
      }
      void diverged(const gan::RunFolder& run, const gan::Diverged&) override { listener.listen(run); }
    } ear(*this);
    const auto folder = gan::RunFolder::create(folder_ / "run", trainer.config());
    testing::internal::CaptureStdout();
    try {
      gan::train(trainer, data, folder, {}, {.keep = 0, .stop = &stop_, .observers = {&diagnosis, &ear}});
    } catch (const gan::Diverged&) {
    }
    testing::internal::GetCapturedStdout();
  }

  /// diagnosis.csv as it was at the end; empty where nothing was found.
  const std::string& findings() const { return findings_; }
  bool heard() const { return stop_ != 0; }

 private:
  void listen(const gan::RunFolder& run) {
    const auto file = run.path() / "diagnosis.csv";
    if (!std::filesystem::exists(file)) return;
    std::ifstream in(file);
    findings_.assign(std::istreambuf_iterator<char>(in), {});
    if (awaited_ && findings_.find(concat(",", awaited_, ",")) != std::string::npos) stop_ = 1;
  }

  const char* awaited_;
  TemporaryFolder folder_;
  std::string findings_;
  volatile std::sig_atomic_t stop_ = 0;
};

class DiagnosisLab : public testing::TestWithParam<const char*> {};

TEST_P(DiagnosisLab, NamesThePlantedCause) {
  const Lab& lab = find_lab(GetParam());
  const gan::Config config = lab.config();
  const SyntheticFaces faces(config.synthetic_count, config.image_size, config.channels, config.seed);
  gan::Trainer trainer(config);
  lab.spoil(trainer);
  Listener listener(name_of(lab.planted));
  listener.run(trainer, faces);
  EXPECT_TRUE(listener.heard()) << listener.findings();
}

INSTANTIATE_TEST_SUITE_P(, DiagnosisLab,
                         testing::Values("no-batch-norm", "strong-d", "collapse", "tiny-data", "sigmoid-nan",
                                         "checkerboard"),
                         [](const auto& about) {
                           std::string name = about.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST(DiagnosisLabs, AreAllTestedAndNamedWhereOneIsUnknown) {
  EXPECT_EQ(labs().size(), 6u);
  for (const Lab& lab : labs())
    EXPECT_TRUE(std::filesystem::exists(concat(DUEL_SOURCE_DIR "/docs/labs/", lab.name, ".md"))) << lab.name;
  EXPECT_TRUE(
      contains(error_of([] { find_lab("none"); }), "there is no lab 'none'; there are: no-batch-norm"));
}

/// Other data than faces: a soft disc of some colour, size and place on a slope of brightness.
class Discs final : public Dataset {
 public:
  explicit Discs(uint64_t seed) : seed_(seed) {}

  int64_t size() const override { return 1024; }
  int64_t image_size() const override { return 32; }
  int64_t channels() const override { return 3; }
  std::string description() const override { return "discs"; }
  void read(int64_t index, uint8_t* pixels) const override {
    const Tensor drawn = Tensor::empty({10});
    RandomStream(seed_ * 1024 + static_cast<uint64_t>(index), Stream::Weights).fill(drawn, Uniform{0, 1});
    const float* const r = drawn.data<float>();
    for (int64_t i = 0; i < 32 * 32 * 3; ++i) {
      const auto x = static_cast<float>(i / 3 % 32) / 31, y = static_cast<float>(i / 96) / 31;
      const int64_t channel = i % 3;
      const float distance = std::hypot(x - 0.25f - r[0] / 2, y - 0.25f - r[1] / 2);
      const float inside = std::clamp(20 * (0.1f + r[2] / 4 - distance), 0.0f, 1.0f);
      const float slope = r[3] + (r[4] - 0.5f) * x + (r[5] - 0.5f) * y;
      const float colour = inside * r[6 + channel] + (1 - inside) * (0.7f * slope + 0.3f * r[9]);
      pixels[i] = static_cast<uint8_t>(255 * std::clamp(colour, 0.0f, 1.0f));
    }
  }

 private:
  uint64_t seed_;
};

/// A run of 480 steps, as long as the labs'.
gan::Config small_healthy_config(uint64_t seed, int64_t channels) {
  gan::Config config;
  config.seed = seed;
  config.channels = channels;
  config.batch_size = 32;
  config.g_dim = config.d_dim = 8;
  config.synthetic_count = 1024;
  config.log_every = 8;
  config.epochs = 15;
  return config;
}

TEST(DiagnosisHealthy, ThreeRunsOfOtherSeedsAndDataAreSilent) {
  const SyntheticFaces faces(1024, 32, 3, 1), grey_faces(1024, 32, 1, 2);
  const Discs discs(3);
  uint64_t seed = 0;
  for (const Dataset* data : std::initializer_list<const Dataset*>{&faces, &grey_faces, &discs}) {
    gan::Trainer trainer(small_healthy_config(++seed, data->channels()));
    Listener listener(nullptr);
    listener.run(trainer, *data);
    EXPECT_EQ(listener.findings(), "") << data->description() << ", seed " << seed;
  }
}

}  // namespace
}  // namespace duel::diagnosis
