// The pictures that a network is judged by.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "apps/commands/options.h"
#include "apps/gan/config.h"
#include "lib/data/open_dataset.h"

namespace duel::commands {

/// What opens the set of a run of `config`.
DataOptions data_of(const gan::Config& config, int threads);

/// --crop where it does nothing to the set.
Idle idle_crop(const std::string& data, int64_t crop);

/// The set that a run of `config` was trained on, unless --data and --crop, empty where they were not given,
/// say otherwise: as `command` takes them. Throws CLI's error for idle_crop(), and Error as open_dataset()
/// does, which speaks of --data where the run's are gone.
std::unique_ptr<Dataset> open_data_of_run(const CLI::App& command, const gan::Config& config,
                                          const std::string& data, std::optional<int64_t> crop, int threads);

/// Names the first ten of the pictures that were left out on stderr, each with its reason; nothing where
/// there are none.
void report_left_out(std::span<const std::string> pictures);

}  // namespace duel::commands
