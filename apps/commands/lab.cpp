// dcgan lab
#include <filesystem>
#include <iostream>
#include <memory>

#include "apps/commands/commands.h"
#include "apps/commands/options.h"
#include "apps/diagnosis/diagnosis.h"
#include "apps/diagnosis/labs.h"
#include "apps/gan/training_run.h"
#include "lib/data/synthetic.h"
#include "lib/kernels.h"

namespace duel::commands {
namespace {

struct LabOptions {
  std::string name, output;
  int64_t epochs = 0;
  uint64_t seed = 0;
  MachineOptions machine;
};

void run(const LabOptions& o) {
  const diagnosis::Lab& lab = diagnosis::find_lab(o.name);
  const Device device = o.machine.apply();
  gan::Config config = lab.config();
  config.seed = o.seed;
  if (o.epochs > 0) config.epochs = o.epochs;
  gan::check_config(config);
  const SyntheticFaces faces(config.synthetic_count, config.image_size, config.channels, config.seed);
  gan::Trainer trainer(config, device);
  lab.spoil(trainer);
  const std::filesystem::path output = o.output.empty() ? concat("runs/lab-", lab.name) : o.output;
  check(!std::filesystem::exists(output / "config.json"), output.string(),
        ": already holds a run, and a lab begins anew each time; delete it, or name another folder with "
        "--output");
  const gan::RunFolder folder = gan::RunFolder::create(output, config, {{"lab", lab.name}});
  std::cout << "Lab " << lab.name << ": " << lab.about
            << ". The diagnosis is to say: " << diagnosis::name_of(lab.planted) << ". See docs/labs/"
            << lab.name << ".md; the run is in " << folder.path().string() << std::endl;
  diagnosis::Diagnosis diagnosis(faces, diagnosis::OnFailure::Warn);
  try {
    gan::train(trainer, faces, folder, {}, {.keep = 0, .observers = {&diagnosis}});
  } catch (const gan::Diverged& error) {
    std::cout << error.what() << std::endl;
  }
}

}  // namespace

void add_lab(CLI::App& program) {
  CLI::App* const command =
      add_command(program, "lab", "Train so that it fails, to see what a failure looks like");
  const auto options = std::make_shared<LabOptions>();
  LabOptions& o = *options;
  std::string about = "The failure:";
  for (const diagnosis::Lab& lab : diagnosis::labs()) about += concat("\n", lab.name, ": ", lab.about);
  command->add_option("name", o.name, about)->required();
  command->add_option("--output", o.output, "Folder of the run; without it runs/lab-NAME");
  command->add_option("--epochs", o.epochs, "Passes over the data; 0: as many as the lab takes")
      ->capture_default_str()
      ->check(at_least(0));
  command->add_option("--seed", o.seed, "Of weights, latents and data")
      ->capture_default_str()
      ->check(at_least(0));
  // On networks this small several threads gain little, and beside other programs they wait for each other
  // for most of the time.
  o.machine.threads = 1;
  o.machine.add_to(*command);
  command->callback([options] { run(*options); });
}

}  // namespace duel::commands
