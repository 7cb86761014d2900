// Options that several commands share.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "apps/gan/config.h"
#include "lib/device.h"

namespace duel::commands {

/// --device and --threads.
struct MachineOptions {
  std::string device = "auto";
  int threads = 0;

  void add_to(CLI::App& command);
  /// Sets the number of threads and finds the device. Throws Error where it cannot be used.
  Device apply() const;
};

/// --recipe and the sizes of the networks.
void add_network_options(CLI::App& command, gan::Config& config);

}  // namespace duel::commands
