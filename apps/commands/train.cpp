// dcgan train
#include <unistd.h>

#include <algorithm>
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
#include "apps/gan/memory_advice.h"
#include "apps/gan/progress.h"
#include "apps/gan/training_run.h"
#include "lib/allocator.h"
#include "lib/data/open_dataset.h"
#include "lib/kernels.h"
#include "lib/profile.h"
#include "lib/quote.h"

namespace duel::commands {
namespace {

volatile std::sig_atomic_t caught_signal = 0;

// The first signal asks the run to stop; a second one, as the handler is gone by then, ends the program at
// once. But a closed terminal is often told twice, by the shell and by the system, and an output that nobody
// reads with every line.
extern "C" void remember_signal(int number) {
  caught_signal = number;
  std::signal(number, number == SIGHUP || number == SIGPIPE ? SIG_IGN : SIG_DFL);
}

/// A run ends well when it is interrupted, told to end, or loses its terminal or whoever read its output:
/// `train | head` has seen enough. One that was started with nohup does not mind the terminal.
void catch_signals() {
  std::signal(SIGINT, remember_signal);
  std::signal(SIGTERM, remember_signal);
  if (std::signal(SIGHUP, remember_signal) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGPIPE, remember_signal);
}

/// Ends the program after a run that was stopped.
[[noreturn]] void end_stopped(const std::string& folder) {
  if (caught_signal == SIGPIPE)
    std::cerr << "dcgan: nobody reads the standard output any more; the run is saved, --resume " << folder
              << " goes on" << std::endl;
  throw Exit{128 + caught_signal};
}

struct TrainOptions {
  gan::Config config;
  MachineOptions machine{.training = true};
  ObserverOptions observers;
  std::string output, resume;
  int64_t keep = 3;
  bool profile = false;
  std::string step_graphs = "on";
};

void add_schedule_options(CLI::App& command, TrainOptions& o) {
  gan::Config& c = o.config;
  command.add_option("--epochs", c.epochs, "Passes over the data")->capture_default_str();
  command.add_option("--steps", c.steps, "Length of the run in batches; 0: --epochs says it")
      ->capture_default_str();
  command
      .add_option("--keep-at", c.keep_at,
                  "Steps, as A,B,...: after each a grid and a checkpoint are written, and kept for good")
      ->delimiter(',');
  command.add_option("--batch-size", c.batch_size, "Pictures per step")->capture_default_str();
  command.add_option("--seed", c.seed, "Weights, latents and order of the data follow from it")
      ->capture_default_str()
      ->check(at_least(0));
  command.add_option("--log-every", c.log_every, "Batches between two lines of metrics.csv")
      ->capture_default_str();
  command.add_option("--sample-count", c.sample_count, "Pictures in the grid of each epoch")
      ->capture_default_str();
}

/// An option that changes both networks' optimisers.
template <class Value>
CLI::Option* add_for_both(CLI::App& command, const char* name, gan::Config& c,
                          Value gan::OptimizerConfig::*member, const char* help) {
  return command.add_option_function<Value>(
      name, [&c, member](const Value& value) { c.optimizer_g.*member = c.optimizer_d.*member = value; },
      help);
}

/// The same for an option of one type of optimiser, where the recipe has both types. Where it has only the
/// other one, check_config() refuses what was set.
template <class Value>
CLI::Option* add_for_type(CLI::App& command, const char* name, const char* type, gan::Config& c,
                          Value gan::OptimizerConfig::*member, const char* help) {
  return command.add_option_function<Value>(
      name,
      [&c, type, member](const Value& value) {
        const bool none = c.optimizer_g.type != type && c.optimizer_d.type != type;
        for (gan::OptimizerConfig* const optimizer : {&c.optimizer_g, &c.optimizer_d})
          if (none || optimizer->type == type) optimizer->*member = value;
      },
      help);
}

void add_learning_options(CLI::App& command, gan::Config& c) {
  using Optimizer = gan::OptimizerConfig;
  add_for_both(command, "--lr", c, &Optimizer::lr, "Learning rate of both optimisers [0.0002]");
  command.add_option("--lr-g", c.optimizer_g.lr, "Learning rate of G's alone");
  command.add_option("--lr-d", c.optimizer_d.lr, "Learning rate of D's alone");
  add_for_type(command, "--betas", "Adam", c, &Optimizer::betas,
               "Adam: decay of its two moments, as A,B [0.5,0.999]")
      ->delimiter(',');
  add_for_both(command, "--eps", c, &Optimizer::eps, "Added to the denominator of Adam and RMSprop [1e-08]");
  add_for_type(command, "--alpha", "RMSprop", c, &Optimizer::alpha,
               "RMSprop: decay of its mean square [0.9]");
  add_for_type(command, "--clip-value", "RMSprop", c, &Optimizer::clip_value,
               "RMSprop: gradients are clipped to +- this; 0: not at all [0]");
  add_for_type(command, "--decay", "RMSprop", c, &Optimizer::decay,
               "RMSprop: the rate is lr / (1 + decay * steps done) [0]");
  command.add_option("--label-real", c.label_real, "D's target for real pictures")->capture_default_str();
  command.add_option("--label-fake", c.label_fake, "D's target for fakes")->capture_default_str();
  command
      .add_option("--label-noise", c.label_noise,
                  "Each of D's labels has this times a number from (0, 1) added")
      ->capture_default_str();
  command.add_option("--latent", c.latent, "Distribution of z: uniform on (-1, 1), or normal, N(0, 1)")
      ->capture_default_str();
  command
      .add_option("--init-distribution", c.init_distribution, "The first weights: normal, or glorot_uniform")
      ->capture_default_str();
  command.add_option("--init-std", c.init_std, "Standard deviation of the first weights where normal")
      ->capture_default_str();
  command.add_option("--bn-init-std", c.bn_init_std, "That of batch norm's first weights around 1")
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
  command.add_flag("--hflip,!--no-hflip", c.hflip, "Mirror each picture with probability 1/2, or none");
  command.add_flag("--shuffle,!--no-shuffle", c.shuffle,
                   "Take the pictures in a new order every epoch, or in the order of the set");
}

void add_run_options(CLI::App& command, TrainOptions& o) {
  command.add_option("--output", o.output,
                     "Folder of the run; without it runs/RECIPE-N with the next free N");
  command.add_option("--keep", o.keep, "Epochs' checkpoints that are kept beside the latest")
      ->capture_default_str()
      ->check(at_least(0));
  command.add_flag("--profile", o.profile,
                   "Time every kernel and phase: a table at the end, and trace.json in the run's folder");
  command
      .add_option(
          "--step-graphs", o.step_graphs,
          "On a card, record D's and G's step once and replay them, on, or call every kernel, off: the "
          "same numbers, for debugging")
      ->capture_default_str()
      ->check(CLI::IsMember({"on", "off"}));
  CLI::Option* const resume =
      command.add_option("--resume", o.resume, "Continue the run in this folder exactly");
  command
      .add_option("--init", o.config.init,
                  "Begin with the weights in this file, saved by dcgan or by PyTorch")
      ->excludes(resume);
  resume->excludes("--output");
}

/// What config.json keeps beside the configuration, each by its option's name with '_' for '-': what changes
/// a run's numbers or files. What is about the machine alone is not: --device, --threads, --step-graphs.
gan::Json options_to_keep(const TrainOptions& o, Device device) {
  const ObserverOptions& watching = o.observers;
  return {{"keep", o.keep},
          {"precision", o.machine.precision_on(device)},
          {"conv", o.machine.conv},
          {"evaluate_every", watching.evaluate_every},
          {"evaluate_count", watching.evaluate_count},
          {"on_failure", watching.on_failure},
          {"report", watching.report},
          {"tensorboard", watching.tensorboard}};
}

/// Gives the run's own options the values that they had, as if they had been typed again, so that they are
/// checked alike. What the command line says goes first.
void take_up_options(const gan::RunFolder& folder, const TrainOptions& o, CLI::App& command) {
  const gan::Json known = options_to_keep(o, {}), kept = folder.options();
  const std::string place = (folder.path() / "config.json").string() + ": run.options";
  check(kept.is_object(), place, " must be an object, got ", gan::quoted(kept));
  for (const auto& [key, value] : kept.items()) {
    check(known.contains(key), place, " has an unknown entry '", key, "'");
    std::string name = "--" + key;
    std::replace(name.begin(), name.end(), '_', '-');
    CLI::Option* const option = command.get_option(name);
    if (option->count() > 0) continue;
    try {
      option->add_result(value.is_string() ? value.get<std::string>() : gan::json_text(value));
      option->run_callback();
    } catch (const CLI::Error& error) {
      fail(place, ".", key, ": ", error.what());
    }
  }
}

/// What may be given beside --resume: everything else is the run's own.
void check_resume_options(const CLI::App& command) {
  const std::set<std::string> allowed{"--resume",    "--epochs",  "--steps",       "--keep-at",
                                      "--keep",      "--device",  "--threads",     "--conv",
                                      "--precision", "--profile", "--step-graphs", "--help"};
  for (const CLI::Option* option : command.get_options()) {
    const bool watches = option->get_group() == ObserverOptions::group;
    check(option->count() == 0 || watches || allowed.contains(option->get_name()), option->get_name(),
          " cannot be changed by --resume: a run continues with its own; only --epochs, --steps, --keep-at, "
          "--keep, --device, --threads, --conv, --precision, --profile, --step-graphs and the options of "
          "watching may be given");
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
  return gan::RunFolder::create(o.output, o.config, options_to_keep(o, trainer.device()));
}

/// Opens the folder to be resumed, if one is, and takes the run's configuration and options from it.
std::optional<gan::RunFolder> open_run(TrainOptions& o, CLI::App& command) {
  const bool epochs_alone = command.count("--epochs") && !command.count("--steps");
  if (o.resume.empty()) {
    if (epochs_alone) o.config.steps = 0;  // of a recipe that counts in steps
    return {};
  }
  check_resume_options(command);
  const gan::Config given = o.config;
  gan::RunFolder folder = gan::RunFolder::open(o.resume);
  o.config = folder.config();
  if (command.count("--epochs")) o.config.epochs = given.epochs;
  if (command.count("--steps")) o.config.steps = given.steps;
  if (epochs_alone) o.config.steps = 0;
  if (command.count("--keep-at")) o.config.keep_at = given.keep_at;
  take_up_options(folder, o, command);
  return folder;
}

/// Like MachineOptions::apply(). A run that came from another machine may ask for what this one cannot do.
Device apply_machine(const TrainOptions& o) {
  try {
    return o.machine.apply();
  } catch (const Error& error) {
    if (o.resume.empty()) throw;
    MachineOptions plain = o.machine;
    plain.precision = "fp32";
    plain.conv = "auto";
    plain.apply();  // throws what is wrong with the device, if it is that
    fail(error.what(), "; the run in ", o.resume, " goes on here, with other numbers, by --precision fp32",
         o.machine.conv == "auto" ? "" : " or --conv auto");
  }
}

gan::Position resume_run(const gan::RunFolder& folder, const TrainOptions& o, gan::Trainer& trainer,
                         int64_t batches) {
  gan::Position position;
  if (std::filesystem::exists(folder.latest())) {
    position = gan::load_checkpoint(folder.latest(), trainer);
    gan::set_rates(trainer, o.config);  // a run killed while it rolled back has halved them there alone
  } else {
    load_first_weights(trainer);
  }
  const int64_t begun = position.epoch + (position.batch > 0),
                done = position.epoch * batches + position.batch;
  check(o.config.steps > 0 || begun <= o.config.epochs, "--epochs ", o.config.epochs, " is fewer than the ",
        begun, " that the run in ", folder.path().string(), " has already begun");
  check(o.config.steps == 0 || done <= o.config.steps, "--steps ", o.config.steps, " is fewer than the ",
        done, " that the run in ", folder.path().string(), " has already done");
  folder.write_config(o.config, options_to_keep(o, trainer.device()));
  return position;
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

/// Trains `left` iterations in `folder`, which is ready for that, and says so.
gan::Outcome run_in(const gan::RunFolder& folder, const TrainOptions& o, gan::Trainer& trainer,
                    const Dataset& data, const gan::Position& position, int64_t left) {
  std::cout << gan::describe_networks(trainer) << gan::describe_work(trainer) << counted(left, "iteration")
            << " to go, about " << gan::duration(gan::expected_seconds(trainer, left)) << " on this machine\n"
            << "Writing into " << folder.path().string() << std::endl;
  if (!o.resume.empty() && left == 0)
    std::cout << "The run has finished; " << (o.config.steps > 0 ? "--steps" : "--epochs")
              << " with more of them goes on" << std::endl;
  CachingAllocator& allocator = kernels(trainer.device()).allocator();
  std::optional<Profile> profile;
  if (o.profile) {
    profile.emplace();
    allocator.begin_report();
  }
  const auto observers = o.observers.build(data);
  gan::RunOptions options{.keep = o.keep, .step_graphs = o.step_graphs == "on", .stop = &caught_signal};
  for (const auto& observer : observers) options.observers.push_back(observer.get());
  const gan::Outcome outcome =
      train_on(trainer, data, folder, position, options, o.observers.on_failure == "rollback");
  if (profile) {
    const std::filesystem::path trace = folder.path() / "trace.json";
    profile->write_trace(trace);
    std::cout << profile->table() << allocator.report(trainer.device().str())
              << "The trace, for chrome://tracing or Perfetto, is in " << trace.string() << std::endl;
  }
  return outcome;
}

void run(TrainOptions& o, CLI::App& command) {
  std::optional<gan::RunFolder> resumed = open_run(o, command);
  gan::check_config(o.config);
  const gan::Config& c = o.config;
  const Device device = apply_machine(o);
  std::cout << "Duel on " << kernels(device).description() << std::endl;
  if (device.kind == Device::Kind::Cuda || o.machine.precision_on(device) != "fp32")
    std::cout << "With " << describe_choices(o, device) << std::endl;

  gan::Trainer trainer(c, device);  // before the data, which may take long to read
  const auto data = open_dataset({.path = c.data,
                                  .format = {c.image_size, c.channels, c.crop},
                                  .cache = {.threads = o.machine.threads, .progress = show_reading},
                                  .synthetic_count = c.synthetic_count,
                                  .synthetic_seed = c.seed});
  std::cout << data->description() << std::endl;
  report_skipped(*data);
  check(c.batch_size <= data->size(), "--batch-size ", c.batch_size, " is more than the ", data->size(),
        " pictures of ", c.data, "; choose a smaller batch");

  gan::Position position;
  const int64_t batches = data->size() / c.batch_size;
  if (resumed) position = resume_run(*resumed, o, trainer, batches);
  const gan::RunFolder folder = resumed ? *resumed : begin_run(o, trainer);
  const int64_t done = position.epoch * batches + position.batch;
  const int64_t left = std::max<int64_t>(0, gan::total_steps(c, batches) - done);
  gan::Outcome outcome;
  try {
    outcome = run_in(folder, o, trainer, *data, position, left);
  } catch (const OutOfMemory& error) {
    fail(error.what(), gan::advice_for_memory(c, *data, device), "; ", folder.path().string(),
         " is as its last checkpoint left it: --resume ", folder.path().string(),
         " goes on, there or with --device cpu");
  }
  if (outcome == gan::Outcome::Finished) return;
  std::cout << "Continue with: ./apps/dcgan train --resume " << folder.path().string() << std::endl;
  end_stopped(folder.path().string());
}

}  // namespace

void add_train(CLI::App& program) {
  CLI::App* const command = add_command(program, "train", "Train a DCGAN, or continue a run");
  const auto options = std::make_shared<TrainOptions>();
  add_network_options(*command, options->config);
  add_data_options(*command, *options);
  add_schedule_options(*command, *options);
  add_learning_options(*command, options->config);
  add_run_options(*command, *options);
  options->observers.add_to(*command);
  options->machine.add_to(*command);
  command->callback([command, options] {
    catch_signals();
    run(*options, *command);
  });
}

}  // namespace duel::commands
