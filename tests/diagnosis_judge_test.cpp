// What the figures of a run say: each cause is named where it shows, and none where it does not.
#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "apps/diagnosis/judge.h"
#include "tests/files.h"

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

/// What is found once `v` has been seen `times` times, the last at `step`, after the looks of `history`.
Causes found(const Vitals& v, int times = 3, int64_t step = 1000,
             std::vector<Vitals> history = std::vector<Vitals>(10, healthy())) {
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
    EXPECT_EQ(found(vitals, looks, 300), Causes{cause});
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

// Each has a part of what makes D win, and one of them is not enough.
TEST(DiagnosisJudge, DHasNotWonWhereItDoubtsRealsOrFakes) {
  const auto of = [](double d_real, double d_fake, double g_gradient) {
    Vitals v = healthy();
    v.d_real = d_real, v.d_fake = d_fake, v.g_gradient = g_gradient;
    return found(v);
  };
  const double usual = healthy().g_gradient;
  EXPECT_EQ(of(0.8, 0.04, 0.1), Causes{});
  EXPECT_EQ(of(0.95, 0.2, 0.1), Causes{});
  EXPECT_EQ(of(0.95, 0.004, usual), Causes{});
  EXPECT_EQ(of(0.995, 0.04, usual), Causes{});
}

TEST(DiagnosisJudge, AGradientIsHeldAgainstThoseThatAreKnown) {
  Vitals sure = healthy(), broken = healthy();
  sure.d_real = 0.95, sure.d_fake = 0.04;
  EXPECT_TRUE(is_healthy({sure})) << "nothing says what the gradient used to be";
  sure.g_gradient = 0.1;
  broken.g_gradient = std::numeric_limits<double>::quiet_NaN();
  std::vector<Vitals> before(7, broken);
  before.insert(before.begin(), 3, healthy());
  EXPECT_EQ(found(sure, 3, 1000, before), Causes{Cause::DHasWon});
}

TEST(DiagnosisJudge, CollapseShowsInPixelsAndInFeatures) {
  for (double Vitals::*diversity : {&Vitals::pixel_diversity, &Vitals::feature_diversity}) {
    Vitals vitals = healthy();
    vitals.*diversity = 0.03;
    EXPECT_EQ(found(vitals), Causes{});
  }
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
  high.d_loss = 40;
  EXPECT_EQ(found(high), Causes{Cause::Divergence});
  high = healthy();
  high.g_loss = 12;
  EXPECT_EQ(found(high), Causes{Cause::Divergence});
  std::vector<Vitals> history(20, high);
  history.back().step = 1000;
  EXPECT_TRUE(judge(history).empty());
  history.assign(10, high);
  high.g_loss = 20;
  EXPECT_EQ(found(high, 3, 1000, history), Causes{}) << "not far above what they were";
  high.g_loss = 40;
  EXPECT_EQ(found(high, 3, 1000, history), Causes{Cause::Divergence});
}

TEST(DiagnosisJudge, TellsAnUnstableLossFromRatesThatAreTooHigh) {
  gan::Metrics line;
  line.step = 7, line.d_loss = 0.3, line.g_loss = 4;
  EXPECT_EQ(judge_end({line}).cause, Cause::NotANumber);
  line.d_loss = 3e20;
  EXPECT_EQ(judge_end({line}).cause, Cause::Divergence);
  EXPECT_NE(judge_end({line}).text.find("step 7"), std::string::npos);
  line.d_loss = 0.3, line.g_loss = 3e20;
  EXPECT_EQ(judge_end({line}).cause, Cause::Divergence);
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

}  // namespace
}  // namespace duel::diagnosis
