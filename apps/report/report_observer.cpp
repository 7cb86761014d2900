#include "apps/report/report_observer.h"

#include <iostream>

#include "apps/gan/describe_run.h"
#include "apps/report/norms.h"
#include "apps/report/report.h"
#include "lib/io/file.h"
#include "lib/kernels.h"

namespace duel::report {
namespace {

const char* name_of(gan::Ending how) {
  switch (how) {
    case gan::Ending::Finished:
      return "finished";
    case gan::Ending::Stopped:
      return "stopped";
    case gan::Ending::Diverged:
      return "diverged";
    default:
      return "failed";
  }
}

}  // namespace

void ReportObserver::begin(gan::Trainer& trainer, const gan::RunFolder& folder,
                           const gan::Position& position) {
  folder_ = folder.path();
  about_ = {{"machine", kernels(trainer.device()).description()},
            {"data", data_.description()},
            {"pictures", position.pictures},
            {"batches_per_epoch", position.pictures / trainer.config().batch_size},
            {"networks", gan::describe_networks(trainer)},
            {"work", gan::describe_work(trainer)}};
  write_about();
  refresh();
}

void ReportObserver::logged(gan::Trainer& trainer, const gan::Metrics& metrics) {
  const ScopedPhase phase("report");
  append_norms(folder_ / "norms.csv", metrics.step, layer_norms(trainer));
  refresh_if_due();
}

void ReportObserver::epoch_done(gan::Trainer&, const gan::RunFolder&, const gan::Position&) {
  is_behind_ = true;
  refresh_if_due();
}

void ReportObserver::ended(const gan::RunFolder&, gan::Ending how) {
  about_["ended"] = name_of(how);
  try {
    write_about();
  } catch (const Error& error) {
    std::cerr << error.what() << std::endl;
  }
  refresh();
}

void ReportObserver::write_about() const {
  write_file_atomically(folder_ / "about.json", gan::json_text(about_, 2) + "\n");
}

void ReportObserver::refresh() {
  const ScopedPhase phase("report");
  try {
    write_report({folder_}, folder_ / "report.html");
  } catch (const Error& error) {
    if (complaint_ != error.what()) std::cerr << "no new report.html: " << error.what() << std::endl;
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
