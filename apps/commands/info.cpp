// dcgan info
#include <iostream>
#include <memory>
#include <vector>

#include "apps/commands/commands.h"
#include "apps/commands/options.h"
#include "apps/gan/checkpoint.h"
#include "apps/gan/describe_run.h"

namespace duel::commands {
namespace {

struct InfoOptions {
  gan::Config config;
  std::string checkpoint;
  bool json = false, schema = false;
  MachineOptions machine;
};

void run(InfoOptions& o, const std::vector<CLI::Option*>& of_the_recipe) {
  if (o.schema) {
    std::cout << gan::recipe_schema();
    return;
  }
  const Device device = o.machine.apply();
  if (o.checkpoint.empty()) {
    gan::check_config(o.config);
  } else {
    for (const CLI::Option* option : of_the_recipe)
      check(option->count() == 0, option->get_name(),
            " cannot be given with --checkpoint, which has its own");
    const std::filesystem::path path = gan::find_checkpoint(o.checkpoint);
    o.config = gan::read_config(path);
    if (!o.json) std::cout << path.string() << ": ";
  }
  gan::Trainer trainer(o.config, device);
  if (o.json) {
    std::cout << gan::recipe_text(o.config);
    return;
  }
  std::cout << o.config.recipe << "\n"
            << gan::describe_recipe(o.config) << gan::describe_networks(trainer)
            << gan::describe_work(trainer);
}

}  // namespace

void add_info(CLI::App& program) {
  CLI::App* const command = add_command(
      program, "info", "Show a recipe: networks, shapes, parameters, optimisers, labels, schedule, work");
  const auto options = std::make_shared<InfoOptions>();
  add_network_options(*command, options->config);
  command->add_option("--batch-size", options->config.batch_size, "Pictures per step")->capture_default_str();
  const std::vector<CLI::Option*> of_the_recipe = command->get_options(
      [](const CLI::Option* option) { return !option->get_name().starts_with("--help"); });
  CLI::Option* const checkpoint = command->add_option(
      "--checkpoint", options->checkpoint, "A checkpoint or run folder, instead of a recipe and its options");
  command->add_flag("--json", options->json, "Print the recipe instead, in the form that --recipe reads");
  command->add_flag("--schema", options->schema, "Print the JSON schema of recipes instead, for editors")
      ->excludes("--json")
      ->excludes(checkpoint);
  options->machine.add_to(*command);
  command->callback([options, of_the_recipe] { run(*options, of_the_recipe); });
}

}  // namespace duel::commands
