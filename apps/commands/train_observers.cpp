#include "apps/commands/train_observers.h"

#include "apps/commands/options.h"
#include "apps/diagnosis/diagnosis.h"
#include "apps/quality/quality_log.h"
#include "apps/report/about_observer.h"
#include "apps/report/report_observer.h"
#include "apps/tensorboard/tensorboard_observer.h"

namespace duel::commands {

void ObserverOptions::add_to(CLI::App& command) {
  command
      .add_option("--evaluate-every", evaluate_every,
                  "Epochs between two rows of quality.csv, the numbers of dcgan evaluate; 0: none")
      ->capture_default_str()
      ->check(at_least(0))
      ->group(group);
  command
      .add_option("--evaluate-count", evaluate_count,
                  "With --evaluate-every: samples behind each row of quality.csv")
      ->capture_default_str()
      ->check(at_least(6))
      ->group(group);
  command
      .add_option("--on-failure", on_failure,
                  "What to do where the diagnosis finds a failure: warn, stop, rollback (to the last healthy "
                  "epoch, with half the rates), or ignore, without looking")
      ->capture_default_str()
      ->check(CLI::IsMember({"warn", "stop", "rollback", "ignore"}))
      ->group(group);
  command
      .add_flag("--tensorboard,!--no-tensorboard", tensorboard,
                "Also write the scalars, pictures and histograms as event files for TensorBoard, into "
                "tensorboard/ in the run's folder")
      ->group(group);
  command
      .add_flag("--report,!--no-report", report,
                "Write report.html, losses.png and norms.csv, or none of them")
      ->group(group);
}

std::vector<std::unique_ptr<gan::Observer>> ObserverOptions::build(const Dataset& data) const {
  std::vector<std::unique_ptr<gan::Observer>> observers;
  if (on_failure != "ignore") {
    using diagnosis::OnFailure;
    const OnFailure action = on_failure == "rollback" ? OnFailure::Rollback
                             : on_failure == "stop"   ? OnFailure::Stop
                                                      : OnFailure::Warn;
    observers.push_back(std::make_unique<diagnosis::Diagnosis>(data, action));
  }
  if (evaluate_every > 0) {
    const quality::EvaluationOptions options{.count = evaluate_count, .replicates = 50};
    observers.push_back(std::make_unique<quality::QualityLog>(data, evaluate_every, options));
  }
  if (tensorboard) observers.push_back(std::make_unique<tensorboard::TensorBoardObserver>());
  observers.push_back(std::make_unique<report::AboutObserver>(data));
  if (report) observers.push_back(std::make_unique<report::ReportObserver>());
  return observers;
}

}  // namespace duel::commands
