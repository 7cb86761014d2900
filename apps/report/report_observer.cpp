#include "apps/report/report_observer.h"

#include <iostream>

#include "apps/report/norms.h"
#include "apps/report/report.h"
#include "lib/error.h"

namespace duel::report {

void ReportObserver::begin(gan::Trainer&, const gan::RunFolder& folder, const gan::Position&) {
  folder_ = folder.path();
  refresh();
}

void ReportObserver::logged(gan::Trainer& trainer, const gan::Metrics& metrics) {
  const ScopedPhase phase("report");
  append_norms(folder_ / gan::run_files::norms, metrics.step, layer_norms(trainer));
  refresh_if_due();
}

void ReportObserver::epoch_done(gan::Trainer&, const gan::RunFolder&, const gan::Position&) {
  is_behind_ = true;
  refresh_if_due();
}

void ReportObserver::ended(const gan::RunFolder&, gan::Ending) { refresh(); }

void ReportObserver::refresh() {
  const ScopedPhase phase("report");
  try {
    write_report({folder_}, folder_ / gan::run_files::report);
  } catch (const Error& error) {
    if (complaint_ != error.what())
      std::cerr << "no new " << gan::run_files::report << ": " << error.what() << std::endl;
    complaint_ = error.what();
  }
  is_behind_ = false;
  refreshed_ = clock_();
}

// All of the page is made anew, pictures included, which for a film of hundreds takes longer than an epoch
// of a few steps.
void ReportObserver::refresh_if_due() {
  if (is_behind_ && clock_() - refreshed_ >= seconds_between) refresh();
}

}  // namespace duel::report
