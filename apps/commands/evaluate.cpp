// dcgan evaluate
#include <iostream>
#include <memory>
#include <optional>

#include "apps/commands/commands.h"
#include "apps/commands/open_data.h"
#include "apps/commands/options.h"
#include "apps/commands/outputs.h"
#include "apps/gan/checkpoint.h"
#include "apps/gan/json.h"
#include "apps/quality/evaluation.h"
#include "apps/quality/samples.h"
#include "lib/error.h"
#include "lib/io/file.h"

namespace duel::commands {
namespace {

struct EvaluateOptions {
  std::string checkpoint, data, json;
  std::optional<int64_t> crop;
  bool force = false;
  quality::EvaluationOptions evaluation;
  MachineOptions machine;
};

void write_json(const EvaluateOptions& o, const gan::SavedGenerator& generator, const Dataset& data,
                const quality::Evaluation& evaluation) {
  gan::Json json{{"checkpoint", generator.path.string()}, {"data", data.description()}};
  json.update(quality::to_json(evaluation));
  write_file_atomically(o.json, gan::json_text(json, 2) + "\n");
}

void run(const EvaluateOptions& o, const CLI::App& command) {
  if (!o.json.empty()) check_outputs({{"--json", o.json}}, o.force, {checkpoint_input(o.checkpoint)});
  const Device device = o.machine.apply();
  const gan::SavedGenerator generator = gan::load_generator(o.checkpoint, device);
  const gan::Config& c = generator.config;
  const auto data = open_data_of_run(command, c, o.data, o.crop, o.machine.threads);
  quality::EvaluationOptions options = o.evaluation;
  options.hflip = c.hflip;
  quality::Evaluator evaluator(*data, options);
  std::cout << evaluator.count() << " samples of " << generator.path.string()
            << " against as many real pictures (" << data->description()
            << "), with 95 % intervals; beside them as many other reals, and noise" << std::endl;
  const quality::Evaluation evaluation = evaluator.evaluate(
      quality::draw_samples(*generator.network, c, evaluator.count(), o.evaluation.seed, device));
  // The file first: whoever reads stdout may have gone by now, which ends the program.
  try {
    if (!o.json.empty()) write_json(o, generator, *data, evaluation);
  } catch (const Error&) {
    std::cout << quality::table(evaluation) << std::flush;  // they took long
    throw;
  }
  std::cout << quality::table(evaluation) << std::flush;
}

}  // namespace

void add_evaluate(CLI::App& program) {
  CLI::App* const command = add_command(
      program, "evaluate", "Judge a trained generator by numbers, beside real pictures and noise");
  const auto options = std::make_shared<EvaluateOptions>();
  EvaluateOptions& o = *options;
  command->add_option("--checkpoint", o.checkpoint, "A checkpoint, or the folder of a run (its latest)")
      ->required();
  command->add_option("--data", o.data,
                      "The real pictures, as train takes them; without it those of the run");
  command
      ->add_option(
          "--crop", o.crop,
          "Side of the central square to cut out of each; 0: the shorter side; without it as the run "
          "had it")
      ->check(at_least(0));
  command
      ->add_option("--count", o.evaluation.count,
                   "Samples, and real pictures; at most half as many as the data has")
      ->capture_default_str()
      ->check(at_least(6));
  command->add_option("--seed", o.evaluation.seed, "Of the samples, and of the choice of real pictures")
      ->capture_default_str()
      ->check(at_least(0));
  CLI::Option* const json = command->add_option("--json", o.json, "Also write the numbers into this file");
  command->add_flag("--force", o.force, "Overwrite the file of --json if it is already there")->needs(json);
  o.machine.add_to(*command);
  command->callback([options, command] { run(*options, *command); });
}

}  // namespace duel::commands
