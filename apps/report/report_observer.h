// Writes the report of a run while it trains.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "apps/gan/observer.h"
#include "lib/profile.h"

namespace duel::report {

/// Writes norms.csv with each line of metrics.csv; report.html and losses.png where training begins, where it
/// ends and after each epoch, those that follow each other within seconds_between together. To be called
/// after all whose files the page shows. A page that cannot be written costs a line on stderr, never the run.
class ReportObserver : public gan::Observer {
 public:
  /// An epoch is not shown later than this, and the time to the next line of metrics.csv, after its end.
  static constexpr double seconds_between = 5;

  explicit ReportObserver(Profile::Clock clock = Profile::steady_seconds) : clock_(std::move(clock)) {}

  void begin(gan::Trainer& trainer, const gan::RunFolder& folder, const gan::Position& position) override;
  void logged(gan::Trainer& trainer, const gan::Metrics& metrics) override;
  void epoch_done(gan::Trainer& trainer, const gan::RunFolder& folder,
                  const gan::Position& position) override;
  void ended(const gan::RunFolder& folder, gan::Ending how) override;

 private:
  void refresh();
  /// refresh(), if an epoch has ended since and it is long enough ago.
  void refresh_if_due();

  const Profile::Clock clock_;
  double refreshed_ = 0;    // when
  bool is_behind_ = false;  // an epoch that the page does not show
  std::filesystem::path folder_;
  std::string complaint_;  // the last one, not to be repeated each epoch
};

}  // namespace duel::report
