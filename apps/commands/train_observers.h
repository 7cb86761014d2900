// What may look on while `dcgan train` trains, and the options that choose it.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "apps/gan/observer.h"
#include "lib/data/dataset.h"

namespace duel::commands {

struct ObserverOptions {
  /// The options' group in --help. They never change what a run computes, so that all of it may be given anew
  /// beside --resume.
  static constexpr const char* group = "Watching the run";

  int64_t evaluate_every = 0, evaluate_count = 500;
  std::string on_failure = "warn";
  bool report = true, tensorboard = false;

  void add_to(CLI::App& command);
  /// The observers in the order in which they are called. `data`, the run's pictures, must outlive them.
  std::vector<std::unique_ptr<gan::Observer>> build(const Dataset& data) const;
};

}  // namespace duel::commands
