// Options that several commands share.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "apps/gan/config.h"
#include "lib/device.h"

namespace duel::commands {

/// --device, --threads and --conv.
struct MachineOptions {
  std::string device = "auto";
  int threads = 0;
  std::string conv = "implicit";

  void add_to(CLI::App& command);
  /// Sets the number of threads and the algorithm of the convolutions, and finds the device. Throws Error
  /// where it cannot be used.
  Device apply() const;
};

/// What an option's whole number must be; CLI11's own NonNegativeNumber names a bound of 300 digits.
CLI::Validator at_least(int64_t least);

/// --recipe and the numbers of the networks. To be added before other options that change `config`: the
/// recipe replaces all of it.
void add_network_options(CLI::App& command, gan::Config& config);

}  // namespace duel::commands
