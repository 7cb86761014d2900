// dcgan train
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "apps/commands/commands.h"
#include "apps/commands/options.h"
#include "apps/commands/train_observers.h"
#include "apps/diagnosis/diagnosis.h"
#include "apps/gan/progress.h"
#include "apps/gan/training_run.h"
#include "lib/data/open_dataset.h"
#include "lib/kernels.h"
#include "lib/profile.h"

namespace duel::commands {
namespace {

volatile std::sig_atomic_t caught_signal = 0;

// The first signal asks the run to stop; a second one, as the handler is gone by then, ends the program at
// once.
extern "C" void remember_signal(int number) {
  caught_signal = number;
  std::signal(number, SIG_DFL);
}

struct TrainOptions {
  gan::Config config;
  std::vector<double> betas{0.5, 0.999};
  MachineOptions machine;
  ObserverOptions observers;
  std::string output, resume;
  int64_t keep = 3;
  bool profile = false;
};

void add_schedule_options(CLI::App& command, TrainOptions& o) {
  gan::Config& c = o.config;
  command.add_option("--epochs", c.epochs, "Passes over the data")->capture_default_str();
  command.add_option("--batch-size", c.batch_size, "Pictures per step")->capture_default_str();
  command.add_option("--lr", c.lr, "Learning rate of both Adams")->capture_default_str();
  command.add_option("--betas", o.betas, "Decay of Adam's two moments, as A,B")
      ->delimiter(',')
      ->expected(2)
      ->capture_default_str();
  command.add_option("--eps", c.eps, "Adam: added to the denominator")->capture_default_str();
  command.add_option("--init-std", c.init_std, "Standard deviation of the first weights")
      ->capture_default_str();
  command.add_option("--seed", c.seed, "Weights, latents and order of the data follow from it")
      ->capture_default_str()
      ->check(at_least(0));
  command.add_option("--log-every", c.log_every, "Batches between two lines of metrics.csv")
      ->capture_default_str();
  command.add_option("--sample-count", c.sample_count, "Pictures in the grid of each epoch")
      ->capture_default_str();
}

void add_data_options(CLI::App& command, TrainOptions& o) {
  gan::Config& c = o.config;
  command.add_option("--data", c.data, "A folder of pictures, CIFAR-10 or IDX (MNIST) files, or: synthetic")
      ->capture_default_str();
  command.add_option("--synthetic-count", c.synthetic_count, "Pictures of the synthetic set")
      ->capture_default_str();
  command
      .add_option("--crop", c.crop,
                  "Side of the central square to cut out before resizing; 0: the shorter side")
      ->capture_default_str();
  command.add_flag("--hflip", c.hflip, "Mirror each picture with probability 1/2");
}

void add_run_options(CLI::App& command, TrainOptions& o) {
  command.add_option("--output", o.output,
                     "Folder of the run; without it runs/RECIPE-N with the next free N");
  command.add_option("--keep", o.keep, "Epochs' checkpoints that are kept beside the latest")
      ->capture_default_str()
      ->check(at_least(0));
  command.add_flag("--profile", o.profile,
                   "Time every kernel and phase: a table at the end, and trace.json in the run's folder");
  CLI::Option* const resume =
      command.add_option("--resume", o.resume, "Continue the run in this folder exactly");
  command
      .add_option("--init", o.config.init,
                  "Begin with the weights in this file, saved by dcgan or by PyTorch")
      ->excludes(resume);
  resume->excludes("--output");
}

/// What may be given beside --resume: everything else is the run's own.
void check_resume_options(const CLI::App& command) {
  const std::set<std::string> allowed{"--resume", "--epochs",    "--keep",    "--device", "--threads",
                                      "--conv",   "--precision", "--profile", "--help"};
  for (const CLI::Option* option : command.get_options()) {
    const bool watches = option->get_group() == ObserverOptions::group;
    check(option->count() == 0 || watches || allowed.contains(option->get_name()), option->get_name(),
          " cannot be changed by --resume: a run continues with its own; only --epochs, --keep, --device, "
          "--threads, --conv, --precision, --profile and the options of watching may be given");
  }
}

void show_reading(int64_t done, int64_t total) {
  if (isatty(STDERR_FILENO))
    std::cerr << "reading pictures: " << done << " of " << total << "\r" << std::flush;
}

void report_skipped(const Dataset& data) {
  constexpr size_t named = 10;
  const auto skipped = data.skipped();
  if (skipped.empty()) return;
  std::cerr << "left out " << skipped.size() << " that cannot be read:\n";
  for (size_t i = 0; i < std::min(named, skipped.size()); ++i) std::cerr << "  " << skipped[i] << "\n";
  if (skipped.size() > named) std::cerr << "  and " << skipped.size() - named << " more\n";
  std::cerr << std::flush;
}

void load_first_weights(gan::Trainer& trainer) {
  const std::string& init = trainer.config().init;
  if (!init.empty()) gan::load_networks(init, &trainer.generator(), &trainer.discriminator());
}

gan::RunFolder begin_run(const TrainOptions& o, gan::Trainer& trainer) {
  load_first_weights(trainer);  // first, so that a bad file leaves no folder behind
  return gan::RunFolder::create(o.output, o.config);
}

gan::RunFolder resume_run(const TrainOptions& o, gan::Trainer& trainer, gan::Position& position) {
  const gan::RunFolder folder = gan::RunFolder::open(o.resume);
  if (std::filesystem::exists(folder.latest())) {
    position = gan::load_checkpoint(folder.latest(), trainer);
  } else {
    load_first_weights(trainer);
  }
  const int64_t begun = position.epoch + (position.batch > 0);
  check(begun <= o.config.epochs, "--epochs ", o.config.epochs, " is fewer than the ", begun,
        " that the run in ", folder.path().string(), " has already begun");
  folder.write_config(o.config);
  return folder;
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

gan::Outcome run(TrainOptions& o, const CLI::App& command) {
  const bool resuming = !o.resume.empty();
  if (resuming) {
    check_resume_options(command);
    const int64_t epochs = o.config.epochs;
    o.config = gan::RunFolder::open(o.resume).config();
    if (command.count("--epochs")) o.config.epochs = epochs;
  } else {
    gan::recipe(o.config.recipe);
    o.config.beta1 = o.betas[0];
    o.config.beta2 = o.betas[1];
  }
  gan::check_config(o.config);
  const gan::Config& c = o.config;
  const Device device = o.machine.apply();
  std::cout << "Duel on " << kernels(device).description() << std::endl;

  const auto data = open_dataset({.path = c.data,
                                  .format = {c.image_size, c.channels, c.crop},
                                  .cache = {.threads = o.machine.threads, .progress = show_reading},
                                  .synthetic_count = c.synthetic_count,
                                  .synthetic_seed = c.seed});
  std::cout << data->description() << std::endl;
  report_skipped(*data);
  check(c.batch_size <= data->size(), "--batch-size ", c.batch_size, " is more than the ", data->size(),
        " pictures of ", c.data, "; choose a smaller batch");

  gan::Trainer trainer(c, device);
  gan::Position position;
  const gan::RunFolder folder = resuming ? resume_run(o, trainer, position) : begin_run(o, trainer);
  const int64_t batches = data->size() / c.batch_size;
  const int64_t left = std::max<int64_t>(0, c.epochs * batches - position.epoch * batches - position.batch);
  std::cout << gan::describe_networks(trainer) << gan::describe_work(trainer) << left
            << " iterations to go, about " << gan::duration(gan::expected_seconds(trainer, left))
            << " on this machine\n"
            << "Writing into " << folder.path().string() << std::endl;
  std::optional<Profile> profile;
  if (o.profile) profile.emplace();
  const auto observers = o.observers.build(*data);
  gan::RunOptions options{.keep = o.keep, .stop = &caught_signal};
  for (const auto& observer : observers) options.observers.push_back(observer.get());
  const gan::Outcome outcome =
      train_on(trainer, *data, folder, position, options, o.observers.on_failure == "rollback");
  if (profile) {
    const std::filesystem::path trace = folder.path() / "trace.json";
    profile->write_trace(trace);
    std::cout << profile->table() << "The trace, for chrome://tracing or Perfetto, is in " << trace.string()
              << std::endl;
  }
  if (outcome == gan::Outcome::Stopped)
    std::cout << "Continue with: ./apps/dcgan train --resume " << folder.path().string() << std::endl;
  return outcome;
}

}  // namespace

void add_train(CLI::App& program) {
  CLI::App* const command = program.add_subcommand("train", "Train a DCGAN, or continue a run");
  const auto options = std::make_shared<TrainOptions>();
  add_network_options(*command, options->config);
  add_data_options(*command, *options);
  add_schedule_options(*command, *options);
  add_run_options(*command, *options);
  options->observers.add_to(*command);
  options->machine.add_to(*command);
  command->callback([command, options] {
    std::signal(SIGINT, remember_signal);
    std::signal(SIGTERM, remember_signal);
    if (run(*options, *command) == gan::Outcome::Finished) return;
    throw Exit{128 + caught_signal};
  });
}

}  // namespace duel::commands
