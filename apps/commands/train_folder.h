// The folder of a run of `dcgan train`: a new one, or that of the run to be continued.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "apps/commands/train_options.h"
#include "apps/gan/run_folder.h"
#include "apps/gan/trainer.h"
#include "lib/data/dataset.h"

namespace duel::commands {

/// A new folder. `trainer` gets the weights to begin with, first, so that a bad file leaves no folder behind.
/// Throws CLI's error for an option that does nothing in a run with `batches` an epoch.
gan::RunFolder begin_run(const TrainOptions& o, const CLI::App& command, gan::Trainer& trainer,
                         int64_t batches);
/// Opens the folder to be resumed, if one is, and takes the run's configuration and options from it. Throws
/// CLI's error for an option that would change what is the run's own.
std::optional<gan::RunFolder> open_run(TrainOptions& o, CLI::App& command);
/// The command that begins another run like the one in a folder with half its rates, from its latest
/// checkpoint where there is one. For a shell.
std::string lower_rates_command(const gan::RunFolder& folder);
/// Like MachineOptions::apply(). A run that came from another machine may ask for what this one cannot do.
Device apply_machine(const TrainOptions& o);
/// Brings `trainer` to where the run was. Throws Error where the run has gone further than it should, or
/// cannot go on with `data`, and CLI's error for an option that does nothing in what it has to go; its folder
/// is then as it was. Else what o.config says, where the data are now included, is the run's from then on.
gan::Position resume_run(const gan::RunFolder& folder, const TrainOptions& o, const CLI::App& command,
                         gan::Trainer& trainer, const Dataset& data);

}  // namespace duel::commands
