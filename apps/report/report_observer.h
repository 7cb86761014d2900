// Writes the report of a run while it trains.
#pragma once

#include "apps/gan/json.h"
#include "apps/gan/observer.h"
#include "lib/data/dataset.h"

namespace duel::report {

/// Writes about.json (the machine, the networks) where training begins, and how it ended where it ends;
/// norms.csv with each line of metrics.csv; report.html and losses.png where training begins, after each
/// epoch and where it ends. To be called after all whose tables the page shows. A page that cannot be written
/// costs a line on stderr, never the run.
class ReportObserver : public gan::Observer {
 public:
  explicit ReportObserver(const Dataset& data) : data_(data) {}

  void begin(gan::Trainer& trainer, const gan::RunFolder& folder, const gan::Position& position) override;
  void logged(gan::Trainer& trainer, const gan::Metrics& metrics) override;
  void epoch_done(gan::Trainer& trainer, const gan::RunFolder& folder,
                  const gan::Position& position) override;
  void ended(const gan::RunFolder& folder, gan::Ending how) override;

 private:
  void write_about() const;
  void refresh();

  const Dataset& data_;
  std::filesystem::path folder_;
  gan::Json about_;
  std::string complaint_;  // the last one, not to be repeated each epoch
};

}  // namespace duel::report
