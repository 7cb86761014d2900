// The options of `dcgan train`.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "apps/commands/options.h"
#include "apps/commands/train_observers.h"
#include "apps/gan/config.h"
#include "apps/gan/json.h"
#include "lib/device.h"

namespace duel::commands {

struct TrainOptions {
  gan::Config config;
  MachineOptions machine{.training = true};
  ObserverOptions observers;
  std::string output, resume;
  int64_t keep = 3;
  bool profile = false;
  bool moves_data = false;  ///< --data beside --resume: where the data of the run are now
  std::string step_graphs = "on";

  void add_to(CLI::App& command);
  /// The options of `command` that do nothing beside the others, once all of them have been read.
  std::vector<Idle> idle(const CLI::App& command) const;
  /// Likewise those that do nothing in what a run has to go that has done `done` steps, with `batches` an
  /// epoch.
  std::vector<Idle> idle_after(int64_t done, int64_t batches) const;
  /// What config.json keeps beside the configuration, each by its option's name with '_' for '-': what
  /// changes a run's numbers or files. What is about the machine alone is not: --device, --threads,
  /// --step-graphs.
  gan::Json to_keep(Device device) const;
};

}  // namespace duel::commands
