// The diagnosis names what is wrong, and is silent where nothing is.
#include "apps/diagnosis/diagnosis.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "apps/diagnosis/labs.h"
#include "apps/gan/training_run.h"
#include "apps/quality/pictures.h"
#include "apps/quality/samples.h"
#include "lib/data/synthetic.h"
#include "lib/io/safetensors.h"
#include "ops/layout.h"
#include "tests/files.h"
#include "tests/tensors.h"

namespace duel::diagnosis {
namespace {

using Causes = std::vector<Cause>;

/// A look at a run that goes well.
Vitals healthy() {
  Vitals v;
  v.d_loss = 0.7, v.g_loss = 2;
  v.d_real = 0.8, v.d_fake = 0.2;
  v.g_gradient = 20;
  v.pixel_diversity = v.feature_diversity = 0.8;
  v.checkerboard = 2, v.checkerboard_share = 0.003;
  return v;
}

/// Looks in a row that make a symptom a finding.
int lasting(Cause cause) { return cause == Cause::Checkerboard ? 6 : 3; }

/// What is found once `v` has been seen `times` times, the last at `step`, after ten healthy looks.
Causes found(const Vitals& v, int times = 3, int64_t step = 1000) {
  std::vector<Vitals> history(10, healthy());
  history.insert(history.end(), static_cast<size_t>(times), v);
  history.back().step = step;
  Causes causes;
  for (const Finding& finding : judge(history)) {
    causes.push_back(finding.cause);
    EXPECT_EQ(finding.text.find('\n'), std::string::npos);
    EXPECT_NE(finding.text.find_first_of("0123456789"), std::string::npos) << finding.text;
  }
  EXPECT_TRUE(causes.empty() || !is_healthy(history));
  return causes;
}

TEST(DiagnosisJudge, NamesEachCauseByItsFigures) {
  EXPECT_EQ(found(healthy()), Causes{});
  std::map<Cause, Vitals> sick;
  for (const Cause cause : {Cause::DHasWon, Cause::Collapse, Cause::Divergence, Cause::Oscillation,
                            Cause::Checkerboard, Cause::Memorisation})
    sick[cause] = healthy();
  sick[Cause::DHasWon].d_real = 0.9995, sick[Cause::DHasWon].d_fake = 0.001;
  sick[Cause::Collapse].pixel_diversity = 0.03, sick[Cause::Collapse].feature_diversity = 0.05;
  sick[Cause::Divergence].g_loss = 40;
  sick[Cause::Oscillation].swings = 0.6;
  sick[Cause::Checkerboard].checkerboard = 50, sick[Cause::Checkerboard].checkerboard_share = 0.08;
  sick[Cause::Memorisation].copies = 0.4, sick[Cause::Memorisation].nearness = 0.5;
  for (const auto& [cause, vitals] : sick) {
    const int looks = lasting(cause);
    EXPECT_EQ(found(vitals, looks), Causes{cause});
    EXPECT_EQ(found(vitals, looks - 1), Causes{}) << name_of(cause) << ": so few looks are no proof";
    EXPECT_EQ(found(vitals, looks, 299), Causes{}) << name_of(cause) << ": the run is young";
  }
}

TEST(DiagnosisJudge, DHasWonAlsoWhereItIsNearlySureAndNoGradientReachesG) {
  Vitals sure = healthy();
  sure.d_real = 0.95, sure.d_fake = 0.04;
  EXPECT_EQ(found(sure), Causes{});
  sure.g_gradient = 0.01 * healthy().g_gradient / 2;
  EXPECT_EQ(found(sure), Causes{Cause::DHasWon});
  std::vector<Vitals> history(10, healthy());
  history.insert(history.end(), 3, sure);
  history.back().step = 1000;
  EXPECT_TRUE(contains(judge(history).at(0).text,
                       "0.005 times what it used to be in this run, and has all but vanished"))
      << judge(history).at(0).text;
}

TEST(DiagnosisJudge, CopiesAreNoMemorisationWhereSamplesAreFarFromAllTrainingPictures) {
  Vitals vitals = healthy();
  vitals.copies = 0.4, vitals.nearness = 1.5;
  EXPECT_EQ(found(vitals), Causes{});
}

TEST(DiagnosisJudge, AGridThatTheRealPicturesHaveTooIsNone) {
  Vitals vitals = healthy();
  vitals.checkerboard = 2, vitals.checkerboard_share = 0.08;
  EXPECT_EQ(found(vitals, lasting(Cause::Checkerboard)), Causes{});
}

TEST(DiagnosisJudge, HighLossesAreNoDivergenceWhereTheyAlwaysWere) {
  Vitals high = healthy();
  high.g_loss = 12;
  EXPECT_EQ(found(high), Causes{Cause::Divergence});
  std::vector<Vitals> history(20, high);
  history.back().step = 1000;
  EXPECT_TRUE(judge(history).empty());
}

TEST(DiagnosisJudge, TellsAnUnstableLossFromRatesThatAreTooHigh) {
  gan::Metrics line;
  line.step = 7, line.d_loss = 0.3, line.g_loss = 4;
  EXPECT_EQ(judge_end({line}).cause, Cause::NotANumber);
  line.d_loss = 3e20;
  EXPECT_EQ(judge_end({line}).cause, Cause::Divergence);
  EXPECT_NE(judge_end({line}).text.find("step 7"), std::string::npos);
  EXPECT_EQ(judge_end({}).cause, Cause::Divergence);
}

TEST(DiagnosisJudge, WhatIsNoNumberIsFoundAtOnceAndNeverHealthy) {
  for (double Vitals::*figure : {&Vitals::pixel_diversity, &Vitals::g_gradient, &Vitals::copies}) {
    Vitals vitals = healthy();
    EXPECT_TRUE(is_healthy({vitals}));
    vitals.*figure = std::numeric_limits<double>::quiet_NaN();
    EXPECT_FALSE(is_healthy({healthy(), vitals}));
    EXPECT_EQ(found(vitals, 1, 20), Causes{Cause::NotANumber});
  }
}

TEST(DiagnosisVitals, AreNoNumbersWhereSamplesAreNone) {
  gan::Config config;
  config.g_dim = config.d_dim = 4;
  gan::Trainer trainer(config);
  const Examination examination(SyntheticFaces(16, 32, 3, 1), false);
  Vitals vitals = healthy();
  examination.look(trainer, vitals);
  EXPECT_TRUE(std::isfinite(vitals.pixel_diversity) && std::isfinite(vitals.copies));
  for (const nn::NamedTensor& part : trainer.generator().parameters())
    part.tensor->copy_from(Tensor::full(part.tensor->shape(), NAN));
  examination.look(trainer, vitals);
  for (const double figure : {vitals.pixel_diversity, vitals.feature_diversity, vitals.checkerboard,
                              vitals.checkerboard_share, vitals.copies, vitals.nearness})
    EXPECT_TRUE(std::isnan(figure));
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

/// An epoch's end as a run tells of it.
void end_epoch(Diagnosis& diagnosis, gan::Trainer& trainer, const gan::RunFolder& folder,
               const gan::Position& position) {
  diagnosis.epoch_done(trainer, folder, position);
  gan::save_checkpoint(folder.latest(), trainer, position);
  diagnosis.epoch_saved(folder, position);
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
