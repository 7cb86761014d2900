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
};

void run(InfoOptions& o, const CLI::App& command) {
  if (o.schema) {
    std::cout << gan::recipe_schema();
    return;
  }
  if (o.checkpoint.empty()) {
    // A recipe that is printed may be given the layers that use it afterwards.
    if (!o.json) refuse_idle(command, idle_network_options(o.config));
    gan::check_config(o.config);
  } else {
    const std::filesystem::path path = gan::find_checkpoint(o.checkpoint);
    o.config = gan::read_config(path);
    if (!o.json) std::cout << path.string() << ": ";
  }
  gan::Trainer trainer(o.config, {});
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
  const std::vector<CLI::Option*> of_the_recipe = options_of(*command);
  command->add_option("--checkpoint", options->checkpoint,
                      "A checkpoint or run folder, instead of a recipe and its options");
  command->add_flag("--json", options->json, "Print the recipe instead, in the form that --recipe reads");
  const std::vector<CLI::Option*> all = options_of(*command);
  command->add_flag("--schema", options->schema,
                    "Print the JSON schema of recipes instead, for editors; takes no other option");
  command->callback([options, command, of_the_recipe, all] {
    refuse_idle(*command, idle_beside(*command, "--schema", all));
    refuse_idle(*command, idle_beside(*command, "--checkpoint", of_the_recipe));
    run(*options, *command);
  });
}

}  // namespace duel::commands
