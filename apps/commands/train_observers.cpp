#include "apps/commands/train_observers.h"

namespace duel::commands {

void ObserverOptions::add_to(CLI::App& /*command*/) {}

std::vector<std::unique_ptr<gan::Observer>> ObserverOptions::build(const Dataset& /*data*/) const {
  return {};
}

}  // namespace duel::commands
