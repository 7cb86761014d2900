// Writes the report of a run while it trains.
#pragma once

#include <utility>

#include "apps/gan/json.h"
#include "apps/gan/observer.h"
#include "lib/data/dataset.h"
#include "lib/profile.h"

namespace duel::report {

/// Writes about.json (the machine, the networks) where training begins, and how it ended where it ends;
/// norms.csv with each line of metrics.csv; report.html and losses.png where training begins, where it ends
/// and after each epoch, those that follow each other within seconds_between together. To be called after all
/// whose tables the page shows. A page that cannot be written costs a line on stderr, never the run.
class ReportObserver : public gan::Observer {
 public:
  /// An epoch is not shown later than this, and the time to the next line of metrics.csv, after its end.
  static constexpr double seconds_between = 5;

  explicit ReportObserver(const Dataset& data, Profile::Clock clock = Profile::steady_seconds)
      : data_(data), clock_(std::move(clock)) {}

  void begin(gan::Trainer& trainer, const gan::RunFolder& folder, const gan::Position& position) override;
  void logged(gan::Trainer& trainer, const gan::Metrics& metrics) override;
  void epoch_done(gan::Trainer& trainer, const gan::RunFolder& folder,
                  const gan::Position& position) override;
  void ended(const gan::RunFolder& folder, gan::Ending how) override;

 private:
  void write_about() const;
  void refresh();
  /// refresh(), if an epoch has ended since and it is long enough ago.
  void refresh_if_due();

  const Dataset& data_;
  const Profile::Clock clock_;
  double refreshed_ = 0;    // when
  bool is_behind_ = false;  // an epoch that the page does not show
  std::filesystem::path folder_;
  gan::Json about_;
  std::string complaint_;  // the last one, not to be repeated each epoch
};

}  // namespace duel::report
