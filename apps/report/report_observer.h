// Writes the report of a run while it trains.
#pragma once

#include "apps/gan/observer.h"
#include "lib/data/dataset.h"

namespace duel::report {

/// Writes about.json (the machine, the networks) where training begins, norms.csv with each line of
/// metrics.csv, and report.html and losses.png where training begins and after each epoch. A page that cannot
/// be written costs a line on stderr, never the run.
class ReportObserver : public gan::Observer {
 public:
  explicit ReportObserver(const Dataset& data) : data_(data) {}

  void begin(gan::Trainer& trainer, const gan::RunFolder& folder, const gan::Position& position) override;
  void logged(gan::Trainer& trainer, const gan::Metrics& metrics) override;
  void epoch_done(gan::Trainer& trainer, const gan::RunFolder& folder,
                  const gan::Position& position) override;

 private:
  void refresh();

  const Dataset& data_;
  std::filesystem::path folder_;
  std::string complaint_;  // the last one, not to be repeated each epoch
};

}  // namespace duel::report
