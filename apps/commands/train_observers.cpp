#include "apps/commands/train_observers.h"

#include "apps/commands/options.h"
#include "apps/quality/quality_log.h"

namespace duel::commands {

void ObserverOptions::add_to(CLI::App& command) {
  command
      .add_option("--evaluate-every", evaluate_every,
                  "Epochs between two rows of quality.csv, the numbers of dcgan evaluate; 0: none")
      ->capture_default_str()
      ->check(at_least(0))
      ->group(group);
  command.add_option("--evaluate-count", evaluate_count, "Samples behind each row of quality.csv")
      ->capture_default_str()
      ->check(at_least(6))
      ->group(group);
}

std::vector<std::unique_ptr<gan::Observer>> ObserverOptions::build(const Dataset& data) const {
  std::vector<std::unique_ptr<gan::Observer>> observers;
  if (evaluate_every > 0) {
    const quality::EvaluationOptions options{.count = evaluate_count, .replicates = 50};
    observers.push_back(std::make_unique<quality::QualityLog>(data, evaluate_every, options));
  }
  return observers;
}

}  // namespace duel::commands
