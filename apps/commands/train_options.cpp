#include "apps/commands/train_options.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "apps/commands/open_data.h"
#include "apps/gan/layers.h"
#include "apps/gan/training_run.h"
#include "apps/latent/sweep.h"
#include "lib/error.h"

namespace duel::commands {
namespace {

/// An option that takes numbers with commas between them. CLI11's own lists pass by an empty one in silence.
void add_numbers(CLI::App& command, const std::string& name, const char* shown,
                 const std::function<void(const std::vector<double>&)>& set, const char* help) {
  const auto read = [name, set](const std::string& text) {
    try {
      set(latent::parse_numbers(name, text));
    } catch (const Error& error) {
      throw CLI::ValidationError(error.what());
    }
  };
  command.add_option_function<std::string>(name, read, help)->option_text(shown);
}

std::vector<int64_t> whole(const char* option, const std::vector<double>& numbers) {
  constexpr double most = 1ll << 53;  // above, not every one is a double
  std::vector<int64_t> result;
  for (const double number : numbers) {
    check(std::trunc(number) == number && std::abs(number) < most, option,
          " must be whole numbers below 2^53, got ", number);
    result.push_back(static_cast<int64_t>(number));
  }
  return result;
}

void add_schedule_options(CLI::App& command, TrainOptions& o) {
  gan::Config& c = o.config;
  command.add_option("--epochs", c.epochs, "Passes over the data, instead of a recipe's steps")
      ->capture_default_str();
  command
      .add_option("--steps", c.steps,
                  "Length of the run in batches, instead of --epochs; 0: --epochs says it")
      ->capture_default_str();
  add_numbers(
      command, "--keep-at", "A,B,...",
      [&c](const std::vector<double>& steps) { c.keep_at = whole("--keep-at", steps); },
      "Steps, as A,B,...: after each a grid and a checkpoint are written, and kept for good");
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

/// Sets what only one type of optimiser has. Where the recipe has none of that type both get it, for
/// check_config() to refuse.
template <class Value>
void set_for_type(gan::Config& c, const char* type, Value gan::OptimizerConfig::*member, const Value& value) {
  const bool none = c.optimizer_g.type != type && c.optimizer_d.type != type;
  for (gan::OptimizerConfig* const optimizer : {&c.optimizer_g, &c.optimizer_d})
    if (none || optimizer->type == type) optimizer->*member = value;
}

/// An option for it.
template <class Value>
CLI::Option* add_for_type(CLI::App& command, const char* name, const char* type, gan::Config& c,
                          Value gan::OptimizerConfig::*member, const char* help) {
  return command.add_option_function<Value>(
      name, [&c, type, member](const Value& value) { set_for_type(c, type, member, value); }, help);
}

void add_learning_options(CLI::App& command, gan::Config& c) {
  using Optimizer = gan::OptimizerConfig;
  add_for_both(command, "--lr", c, &Optimizer::lr,
               "Learning rate of both optimisers [0.0002], or of the one whose own is not given");
  command.add_option("--lr-g", c.optimizer_g.lr, "Learning rate of G's alone");
  command.add_option("--lr-d", c.optimizer_d.lr, "Learning rate of D's alone");
  add_numbers(
      command, "--betas", "A,B",
      [&c](const std::vector<double>& betas) {
        check(betas.size() == 2, "--betas must be two numbers, A,B, got ", betas.size());
        set_for_type(c, "Adam", &Optimizer::betas, {betas[0], betas[1]});
      },
      "Adam: decay of its two moments, as A,B [0.5,0.999]");
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
  command
      .add_option("--init-std", c.init_std, "Standard deviation of the first weights where they are normal")
      ->capture_default_str();
  command.add_option("--bn-init-std", c.bn_init_std, "That of batch norm's first weights around 1, likewise")
      ->capture_default_str();
}

void add_data_options(CLI::App& command, TrainOptions& o) {
  gan::Config& c = o.config;
  command
      .add_option(
          "--data", c.data,
          "A folder of pictures, CIFAR-10 or IDX (MNIST) files, or: synthetic. Beside --resume: where the "
          "run's data have been moved to")
      ->capture_default_str()
      ->check(utf8_path());
  command.add_option("--synthetic-count", c.synthetic_count, "Pictures of --data synthetic")
      ->capture_default_str();
  command
      .add_option("--crop", c.crop,
                  "Side of the central square to cut out of the pictures of --data before resizing; 0: the "
                  "shorter side")
      ->capture_default_str();
  command.add_flag("--hflip,!--no-hflip", c.hflip, "Mirror each picture with probability 1/2, or none");
  command.add_flag("--shuffle,!--no-shuffle", c.shuffle,
                   "Take the pictures in a new order every epoch, or in the order of the set");
}

void add_run_options(CLI::App& command, TrainOptions& o) {
  command
      .add_option("--output", o.output, "Folder of the run; without it runs/RECIPE-N with the next free N")
      ->check(utf8_path());
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
                  "Begin with the weights in this file, saved by dcgan or by PyTorch, or in the folder of a "
                  "run (its latest)")
      ->check(utf8_path())
      ->excludes(resume)
      ->excludes("--init-distribution")
      ->excludes("--init-std")
      ->excludes("--bn-init-std");
  resume->excludes("--output");
}

}  // namespace

void TrainOptions::add_to(CLI::App& command) {
  add_network_options(command, config);
  add_data_options(command, *this);
  add_schedule_options(command, *this);
  add_learning_options(command, config);
  add_run_options(command, *this);
  observers.add_to(command);
  machine.add_to(command);
}

std::vector<Idle> TrainOptions::idle(const CLI::App& command) const {
  const gan::Config& c = config;
  const gan::Config standard;
  const auto given = [&](const char* option) { return command.count(option) > 0; };
  const bool is_normal = c.init_distribution == "normal";
  const bool has_batch_norm =
      gan::layers_have(c.generator, "BatchNorm2d") || gan::layers_have(c.discriminator, "BatchNorm2d");
  const std::string without_normal =
      concat("with --init-distribution ", c.init_distribution, "; leave it out, or begin with normal");
  std::vector<Idle> idle = idle_network_options(c);
  idle.insert(idle.end(),
              {{"--epochs", given("--steps") && c.steps > 0,
                "with --steps, which says how long; leave one of them out"},
               {"--synthetic-count", c.data != "synthetic",
                concat("with --data ", c.data, "; leave one of them out")},
               idle_crop(c.data, c.crop),
               {"--lr", given("--lr-g") && given("--lr-d"),
                "with both --lr-g and --lr-d; leave one of the three out"},
               {"--init-std", !is_normal && c.init_std != standard.init_std, without_normal},
               {"--bn-init-std", !is_normal && c.bn_init_std != standard.bn_init_std, without_normal},
               {"--bn-init-std", !has_batch_norm && c.bn_init_std != standard.bn_init_std,
                concat("with --recipe ", c.recipe,
                       ", which has no batch norm; leave it out, or take another recipe")},
               {"--evaluate-count", observers.evaluate_every == 0,
                "without --evaluate-every; give both, or neither"}});
  return idle;
}

std::vector<Idle> TrainOptions::idle_after(int64_t done, int64_t batches) const {
  const std::vector<int64_t>& steps = config.keep_at;
  const int64_t total = gan::total_steps(config, batches), every = observers.evaluate_every;
  // A run that has no step to go takes them for when it is made longer.
  const bool goes_on = total > done;
  const auto none_is = [&](const auto& condition) {
    return !steps.empty() && std::none_of(steps.begin(), steps.end(), condition);
  };
  const bool no_row = goes_on && every > 0 && total / batches / every == done / batches / every;
  return {
      {"--keep-at", none_is([&](int64_t step) { return step > done; }),
       concat("on a run that has done ", counted(done, "step"), "; name later ones, or leave it out")},
      {"--keep-at", goes_on && none_is([&](int64_t step) { return step > done && step <= total; }),
       concat("on a run that ends after ", counted(total, "step"), "; name earlier ones, or leave it out")},
      {"--evaluate-every", no_row,
       concat("on a run that comes to the end of no epoch that ", every,
              " divides; give a smaller number, or train longer")}};
}

gan::Json TrainOptions::to_keep(Device device) const {
  return {{"keep", keep},
          {"precision", machine.precision_on(device)},
          {"conv", machine.conv},
          {"evaluate_every", observers.evaluate_every},
          {"evaluate_count", observers.evaluate_count},
          {"on_failure", observers.on_failure},
          {"report", observers.report},
          {"tensorboard", observers.tensorboard}};
}

}  // namespace duel::commands
