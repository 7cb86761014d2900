// dcgan lab
#include <filesystem>
#include <iostream>
#include <memory>

#include "apps/commands/commands.h"
#include "apps/commands/options.h"
#include "apps/commands/shell.h"
#include "apps/commands/signals.h"
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

/// Whether the run in a folder is that of a lab, which can be had again at any time.
bool holds_lab(const std::filesystem::path& folder) {
  try {
    const gan::Json json = gan::read_json(folder / gan::run_files::config);
    return json.contains(gan::Json::json_pointer("/run/options/lab"));
  } catch (const Error&) {
    return false;
  }
}

/// A command that removes the folder.
std::string remove_command(const std::filesystem::path& folder) { return "rm -r " + path_for_shell(folder); }

/// Throws Error if a run is in the way, and says how to get it out of there.
void check_folder(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder / gan::run_files::config)) return;
  if (holds_lab(folder))
    fail(folder.string(), ": already holds a run, and a lab begins anew each time; delete it by ",
         remove_command(folder), ", or name another folder with --output");
  fail(folder.string(), ": already holds a run, which is no lab's; name another folder with --output");
}

/// Ends the program after a lab that was stopped.
[[noreturn]] void end_stopped(const std::filesystem::path& folder) {
  if (caught_signal != SIGPIPE)
    std::cout << "The lab has not come to its end; what it has shown so far is in " << folder.string()
              << ". It is not continued: to begin it anew, " << remove_command(folder)
              << " and give the same command again, or name another folder with --output" << std::endl;
  throw Exit{128 + caught_signal};
}

void run(const LabOptions& o) {
  const diagnosis::Lab& lab = diagnosis::find_lab(o.name);
  const std::filesystem::path output = o.output.empty() ? concat("runs/lab-", lab.name) : o.output;
  check_folder(output);
  const Device device = o.machine.apply();
  gan::Config config = lab.config();
  config.seed = o.seed;
  if (o.epochs > 0) config.epochs = o.epochs;
  gan::check_config(config);
  const SyntheticFaces faces(config.synthetic_count, config.image_size, config.channels, config.seed);
  gan::Trainer trainer(config, device);
  lab.spoil(trainer);
  const gan::RunFolder folder = gan::RunFolder::create(output, config, {{"lab", lab.name}});
  std::cout << "Lab " << lab.name << ": " << lab.about
            << ". The diagnosis is to say: " << diagnosis::name_of(lab.planted) << ". See docs/labs/"
            << lab.name << ".md; the run is in " << folder.path().string() << std::endl;
  diagnosis::Diagnosis diagnosis(faces, diagnosis::OnFailure::Warn);
  try {
    const gan::RunOptions options{.keep = 0, .stop = &caught_signal, .observers = {&diagnosis}};
    if (gan::train(trainer, faces, folder, {}, options) == gan::Outcome::Stopped) end_stopped(folder.path());
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
  command->add_option("--output", o.output, "A new folder for the run; without it runs/lab-NAME")
      ->check(utf8_path());
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
  command->callback([options] {
    catch_signals();
    run(*options);
  });
}

}  // namespace duel::commands
