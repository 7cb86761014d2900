// dcgan train
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <vector>

#include "apps/commands/commands.h"
#include "apps/commands/open_data.h"
#include "apps/commands/options.h"
#include "apps/commands/shell.h"
#include "apps/commands/signals.h"
#include "apps/commands/train_folder.h"
#include "apps/commands/train_options.h"
#include "apps/diagnosis/diagnosis.h"
#include "apps/gan/batches.h"
#include "apps/gan/describe_run.h"
#include "apps/gan/memory_advice.h"
#include "apps/gan/progress.h"
#include "apps/gan/training_run.h"
#include "lib/allocator.h"
#include "lib/data/batch_loader.h"
#include "lib/io/full_disk.h"
#include "lib/kernels.h"
#include "lib/profile.h"
#include "lib/quote.h"

namespace duel::commands {
namespace {

using Observers = std::vector<std::unique_ptr<gan::Observer>>;

/// Ends the program after a run that was stopped.
[[noreturn]] void end_stopped(const std::filesystem::path& folder) {
  if (caught_signal == SIGPIPE)
    std::cerr << "dcgan: nobody reads the standard output any more; the run is saved, "
              << printable(resume_option(folder)) << " goes on" << std::endl;
  throw Exit{128 + caught_signal};
}

/// Also ends the program where it is told to meanwhile: nothing has been written then.
void show_reading(int64_t done, int64_t total) {
  if (caught_signal != 0) {
    std::cerr << "dcgan: stopped while the pictures were read; nothing has been written" << std::endl;
    throw Exit{128 + caught_signal};
  }
  if (isatty(STDERR_FILENO))
    std::cerr << "reading pictures: " << done << " of " << total << "\r" << std::flush;
}

void report_skipped(const Dataset& data) {
  if (const std::string line = data.passed_by(); !line.empty()) std::cerr << line << std::endl;
  report_left_out(data.skipped());
}

/// A shuffled epoch leaves out other pictures each time, one in the order of the set always the same.
void report_unused(const Dataset& data, const gan::Config& config) {
  const int64_t unused = data.size() % config.batch_size;
  if (config.shuffle || unused == 0) return;
  std::cerr << unused << " of " << data.size()
            << " pictures are not used: they fill no batch, and without --shuffle the order stays the same"
            << std::endl;
}

/// Trains; a failure ends the run, unless it is to be rolled back.
gan::Outcome train_on(gan::Trainer& trainer, const Dataset& data, const gan::RunFolder& folder,
                      gan::Position position, const gan::RunOptions& options, bool rolls_back) {
  constexpr int most_rollbacks = 5;  // each halves the rates: more would stand still
  for (int rollbacks = 0;; ++rollbacks) {
    try {
      return gan::train(trainer, data, folder, position, options);
    } catch (const gan::Failure& failure) {
      if (!rolls_back || rollbacks == most_rollbacks) throw;
      position = diagnosis::roll_back(trainer, folder, failure.what());
      std::cout << failure.what() << "; back to epoch " << position.epoch << " with half the rates"
                << std::endl;
    }
  }
}

std::string describe_choices(const TrainOptions& o, Device device) {
  const std::string choices = o.machine.choices(device);
  if (device.kind != Device::Kind::Cuda) return choices;
  return choices +
         (o.step_graphs == "on" && !o.profile ? ", steps replayed as graphs" : ", kernel by kernel");
}

/// Prints the table of a profile and the memory, and writes the trace beside the run.
void tell_profile(const Profile& profile, const CachingAllocator& allocator, Device device,
                  const gan::RunFolder& folder) {
  std::cout << profile.table() << allocator.report(device.str()) << std::flush;
  const std::filesystem::path trace = folder.path() / gan::run_files::trace;
  profile.write_trace(trace);
  std::cout << "The trace, for chrome://tracing or Perfetto, is in " << trace.string() << std::endl;
}

/// Likewise where training has failed, which is what the program ends with: no trace is no further failure.
void tell_after_failure(const Profile& profile, const CachingAllocator& allocator, Device device,
                        const gan::RunFolder& folder) {
  try {
    tell_profile(profile, allocator, device, folder);
  } catch (const std::exception& error) {
    std::cout << "There is no trace: " << error.what() << std::endl;
  }
}

/// Trains `left` iterations in `folder`, which is ready for that, and says so.
gan::Outcome run_in(const gan::RunFolder& folder, const TrainOptions& o, gan::Trainer& trainer,
                    const Dataset& data, const Observers& observers, const gan::Position& position,
                    int64_t left) {
  std::cout << gan::describe_networks(trainer) << gan::describe_work(trainer) << counted(left, "iteration")
            << " to go, about " << gan::duration(gan::expected_seconds(trainer, left)) << " on this machine\n"
            << "Writing into " << folder.path().string() << std::endl;
  if (!o.resume.empty() && left == 0)
    std::cout << "The run has finished; " << (o.config.steps > 0 ? "--steps" : "--epochs")
              << " with more of them goes on" << std::endl;
  if (left > 0 && std::filesystem::exists(folder.networks()))
    std::cout << folder.networks().string()
              << " is of the end until now: it goes when there is a later checkpoint, and comes "
                 "again at the end"
              << std::endl;
  CachingAllocator& allocator = kernels(trainer.device()).allocator();
  std::optional<Profile> profile;
  if (o.profile) {
    profile.emplace();
    allocator.begin_report();
  }
  gan::RunOptions options{.keep = o.keep, .step_graphs = o.step_graphs == "on", .stop = &caught_signal};
  for (const auto& observer : observers) options.observers.push_back(observer.get());
  gan::Outcome outcome;
  try {
    outcome = train_on(trainer, data, folder, position, options, o.observers.on_failure == "rollback");
  } catch (...) {
    if (profile) tell_after_failure(*profile, allocator, trainer.device(), folder);
    throw;
  }
  if (profile) tell_profile(*profile, allocator, trainer.device(), folder);
  return outcome;
}

std::unique_ptr<Dataset> open_data(const TrainOptions& o) {
  const gan::Config& c = o.config;
  check(c.data != "synthetic" || c.crop == 0, "recipe ", c.recipe, " crops its pictures to ", c.crop,
        " pixels, and the synthetic set is drawn at its size: give the pictures by --data, or --crop 0");
  DataOptions options = data_of(c, o.machine.threads);
  options.cache.progress = show_reading;
  try {
    return open_dataset(options);
  } catch (const Error& error) {
    std::error_code ignored;
    if (o.resume.empty() || o.moves_data || std::filesystem::exists(c.data, ignored)) throw;
    const std::string place =
        std::filesystem::path(c.data).is_relative()
            ? concat("with --data ", c.data,
                     ", a path from the folder where it was begun: resume it there, or name")
            : "on them: name";
    fail(error.what(), "; the run was begun ", place, " where they are now by --data beside --resume");
  }
}

void run(TrainOptions& o, CLI::App& command) {
  std::optional<gan::RunFolder> resumed = open_run(o, command);
  refuse_idle(command, o.idle(command));
  gan::check_config(o.config);
  const gan::Config& c = o.config;
  if (!resumed) gan::RunFolder::check_creatable(o.output);
  const Device device = apply_machine(o);
  std::cout << "Duel on " << kernels(device).description() << std::endl;
  if (device.kind == Device::Kind::Cuda || o.machine.precision_on(device) != "fp32")
    std::cout << "With " << describe_choices(o, device) << std::endl;

  gan::Trainer trainer(c, device);  // before the data, which may take long to read
  const auto data = open_data(o);
  std::cout << data->description() << std::endl;
  report_skipped(*data);
  check(data->size() >= 2, c.data, " holds one picture; training needs at least 2");
  check(c.batch_size <= data->size(), "--batch-size ", c.batch_size, " is more than the ",
        counted(data->size(), "picture"), " of ", c.data,
        resumed ? "; put the data back as they were" : "; choose a smaller batch");
  report_unused(*data, c);

  const Observers observers = o.observers.build(*data);  // says what is wrong before a folder is made
  gan::Position position;
  const int64_t batches = full_batches(data->size(), c.batch_size);
  if (resumed) position = resume_run(*resumed, o, command, trainer, *data);
  const gan::RunFolder folder = resumed ? *resumed : begin_run(o, command, trainer, batches);
  const int64_t done = position.epoch * batches + position.batch;
  const int64_t left = std::max<int64_t>(0, gan::total_steps(c, batches) - done);
  gan::Outcome outcome;
  try {
    outcome = run_in(folder, o, trainer, *data, observers, position, left);
  } catch (const OutOfMemory& error) {
    fail(error.what(), gan::advice_for_memory(c, *data, device), resumed ? " in another run; " : "; ",
         folder.path().string(), " is as its last checkpoint left it: ", resume_option(folder.path()),
         " goes on, there or with --device cpu");
  } catch (const gan::Diverged& error) {
    fail(error.what(), "; lower rates may help: ", lower_rates_command(folder));
  } catch (const gan::Failure& error) {
    fail(error.what(), "; ", (folder.path() / gan::run_files::diagnosis).string(),
         " says what to try in another run, ", resume_option(folder.path()),
         " --on-failure warn goes on all the same");
  } catch (const gan::UnreadablePicture& error) {
    fail(error.what(), ": ", resume_option(folder.path()), " goes on once the picture can be read");
  } catch (const FullDisk& error) {
    fail(error.what(), ": ", resume_option(folder.path()), " goes on from there");
  }
  if (outcome == gan::Outcome::Finished) return;
  std::cout << "Continue with: " << resume_command(folder.path()) << std::endl;
  end_stopped(folder.path());
}

}  // namespace

void add_train(CLI::App& program) {
  CLI::App* const command = add_command(program, "train", "Train a DCGAN, or continue a run");
  const auto options = std::make_shared<TrainOptions>();
  options->add_to(*command);
  command->callback([command, options] {
    catch_signals();
    run(*options, *command);
  });
}

}  // namespace duel::commands
