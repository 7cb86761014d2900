#include "apps/commands/train_folder.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "apps/commands/shell.h"
#include "apps/gan/checkpoint.h"
#include "apps/gan/pictures.h"
#include "apps/latent/painter.h"
#include "lib/data/batch_loader.h"
#include "lib/error.h"
#include "lib/io/image.h"

namespace duel::commands {
namespace {

/// Gives the run's own options the values that they had, as if they had been typed again, so that they are
/// checked alike; none of them counts as given afterwards. What the command line says goes first.
void take_up_options(const gan::RunFolder& folder, const TrainOptions& o, CLI::App& command) {
  const gan::Json known = o.to_keep({}), kept = folder.options();
  const std::string place = (folder.path() / gan::run_files::config).string() + ": run.options";
  check(kept.is_object(), place, " must be an object, got ", gan::quoted(kept));
  check(!kept.contains("lab"), folder.path().string(),
        ": is the run of a lab, whose networks were spoilt on purpose, and cannot be continued");
  for (const auto& [key, value] : kept.items()) {
    check(known.contains(key), place, " has an unknown entry '", key, "'");
    std::string name = "--" + key;
    std::replace(name.begin(), name.end(), '_', '-');
    CLI::Option* const option = command.get_option(name);
    if (option->count() > 0) continue;
    try {
      option->add_result(value.is_string() ? value.get<std::string>() : gan::json_text(value));
      option->run_callback();
      option->clear();
    } catch (const CLI::Error& error) {
      fail(place, ".", key, ": ", error.what());
    }
  }
}

/// Gives `o` the run's configuration. What is not named here may be repeated as the run has it, so that a
/// command goes on that had --resume put behind it, and cannot be changed.
void take_up_config(CLI::App& command, const gan::Config& own, TrainOptions& o) {
  const std::set<std::string> allowed{"--resume",  "--data",      "--epochs",  "--steps",
                                      "--keep-at", "--keep",      "--device",  "--threads",
                                      "--conv",    "--precision", "--profile", "--step-graphs"};
  std::vector<CLI::Option*> repeated;
  for (CLI::Option* const option : options_of(command)) {
    const bool watches = option->get_group() == ObserverOptions::group;
    if (option->count() > 0 && !watches && !allowed.contains(option->get_name())) repeated.push_back(option);
  }
  // From the last one on, as later ones change what earlier ones have set: --lr-d after --lr, any after
  // --recipe.
  for (size_t first = repeated.size(); first-- > 0;) {
    o.config = own;
    for (size_t i = first; i < repeated.size(); ++i) repeated[i]->run_callback();
    o.config.epochs = own.epochs, o.config.steps = own.steps, o.config.keep_at = own.keep_at;
    if (o.config == own) continue;
    throw CLI::ValidationError(concat(
        repeated[first]->get_name(),
        " cannot be changed by --resume: a run continues with its own; only --data (where they have been "
        "moved to), --epochs, --steps, --keep-at, --keep, --device, --threads, --conv, --precision, "
        "--profile, --step-graphs and the options of watching may be given anew"));
  }
  o.config = own;
}

/// load_checkpoint(), which says of a damaged file what takes its place.
gan::Position load_place(const gan::RunFolder& folder, const std::filesystem::path& place,
                         gan::Trainer& trainer) {
  try {
    return gan::load_checkpoint(place, trainer);
  } catch (const Error& error) {
    const std::filesystem::path other = folder.furthest_checkpoint();
    if (other.empty() || gan::position_if_whole(place)) throw;
    fail(error.what(), "; remove it, and --resume goes on from ", other.stem().string());
  }
}

/// The command that begins another run like the one in a folder, which has the configuration `c`, with the
/// weights of `checkpoint`, or where that is empty with new ones. For a shell.
std::string another_run_command(const gan::RunFolder& folder, const gan::Config& c,
                                const std::filesystem::path& checkpoint) {
  const gan::Config standard;
  std::string command =
      train_command() + " --recipe " + path_for_shell(folder.path() / gan::run_files::config);
  const auto add = [&](const char* option, const auto& value) { command += concat(" ", option, " ", value); };
  // A recipe leaves out what belongs to one run.
  if (c.data != standard.data) add("--data", path_for_shell(c.data));
  if (c.data == standard.data && c.synthetic_count != standard.synthetic_count)
    add("--synthetic-count", c.synthetic_count);
  if (c.seed != standard.seed) add("--seed", c.seed);
  if (!checkpoint.empty()) add("--init", path_for_shell(checkpoint));
  return command;
}

/// " (the newest: FILE)": most often what a set has more of, a figure perhaps that was written among its
/// pictures. Empty for a set whose pictures are no files.
std::string newest_picture(const Dataset& data) {
  std::string newest;
  std::filesystem::file_time_type latest;
  for (int64_t i = 0; i < data.size(); ++i) {
    const std::string file = data.file_of(i);
    std::error_code error;
    const auto time = std::filesystem::last_write_time(file, error);
    if (!error && (newest.empty() || time > latest)) newest = file, latest = time;
  }
  return newest.empty() ? "" : concat(" (the newest: ", newest, ")");
}

/// Throws Error unless a run that has come to `position`, as `place` says, can go on exactly with `data`.
void check_data(const gan::RunFolder& folder, const std::filesystem::path& place,
                const gan::Position& position, const Dataset& data, const gan::Config& config,
                int64_t batches) {
  if (position.pictures != 0 && position.pictures != data.size())
    fail(folder.path().string(), ": was trained on ", position.pictures, " pictures, ", config.data,
         " now has ", data.size(), position.pictures < data.size() ? newest_picture(data) : "",
         "; put the data back as they were, or begin another run on these: ",
         another_run_command(folder, config, place));
  check(position.batch < batches, place.string(), ": is damaged: it is of ", position.batch,
        " batches of an epoch, which has ", batches);
}

/// What --data says beside --resume. Throws Error where it is data of another kind.
void move_data(gan::Config& config, const std::string& to, const gan::RunFolder& folder) {
  constexpr const char* synthetic = "synthetic";
  if (to == config.data) return;
  check(config.data != synthetic, "--data ", to, ": the run in ", folder.path().string(),
        " learns from the synthetic set, which is drawn wherever it is needed and cannot be moved; leave "
        "--data out");
  check(to != synthetic, "--data synthetic: the run in ", folder.path().string(), " learns from ",
        config.data, ", and the synthetic set is no such pictures; name where they are now");
  config.data = to;
}

/// As many pictures may still be others: says so where the first of them are not those of reals.png. Where
/// the data are said to have been moved, pictures that are plainly others are not those: throws Error.
void compare_pictures(const gan::RunFolder& folder, const Dataset& data, const gan::Config& config,
                      bool are_moved) {
  constexpr double plainly = 10;  // grey levels: pictures that were packed or scaled again differ by less
  Image before;
  try {
    before = load_image(folder.reals());
  } catch (const Error&) {
    return;  // nothing to compare with
  }
  const Image now = gan::grid_of_reals(data);
  if (before.channels != now.channels || before.pixels == now.pixels) return;
  const bool are_alike =
      before.pixels.size() == now.pixels.size() && latent::picture_distance(before, now) <= plainly;
  check(!are_moved || are_alike, config.data, ": its first pictures are not those of ",
        folder.reals().string(), ", which the run was begun with; name by --data where those are now");
  std::cerr << config.data << ": its first pictures are not those that the run in " << folder.path().string()
            << " was begun with; it goes on, but not as it would have with those" << std::endl;
}

/// The run's own options may be repeated, whatever it has done of what they ask for.
void refuse_idle_after(const gan::RunFolder& folder, const TrainOptions& o, const CLI::App& command,
                       int64_t done, int64_t batches) {
  const gan::Json own = folder.options();
  std::vector<Idle> idle = o.idle_after(done, batches);
  for (Idle& option : idle)
    option.when &= option.option == "--keep-at"
                       ? o.config.keep_at != folder.config().keep_at
                       : o.observers.evaluate_every != own.value("evaluate_every", int64_t{0});
  refuse_idle(command, idle);
}

void load_first_weights(gan::Trainer& trainer) {
  const std::string& init = trainer.config().init;
  if (!init.empty())
    gan::load_networks(gan::find_checkpoint(init), &trainer.generator(), &trainer.discriminator());
}

}  // namespace

gan::RunFolder begin_run(const TrainOptions& o, const CLI::App& command, gan::Trainer& trainer,
                         int64_t batches) {
  refuse_idle(command, o.idle_after(0, batches));
  load_first_weights(trainer);
  return gan::RunFolder::create(o.output, o.config, o.to_keep(trainer.device()));
}

std::optional<gan::RunFolder> open_run(TrainOptions& o, CLI::App& command) {
  const bool epochs_alone = command.count("--epochs") && !command.count("--steps");
  if (o.resume.empty()) {
    if (epochs_alone) o.config.steps = 0;  // of a recipe that counts in steps
    return {};
  }
  const gan::Config given = o.config;
  gan::RunFolder folder = gan::RunFolder::open(o.resume);
  take_up_config(command, folder.config(), o);
  if (command.count("--data")) move_data(o.config, given.data, folder);
  o.moves_data = o.config.data != folder.config().data;
  if (command.count("--epochs")) o.config.epochs = given.epochs;
  if (command.count("--steps")) o.config.steps = given.steps;
  if (epochs_alone) o.config.steps = 0;
  if (command.count("--keep-at")) o.config.keep_at = given.keep_at;
  take_up_options(folder, o, command);
  return folder;
}

std::string lower_rates_command(const gan::RunFolder& folder) {
  const gan::Config c = folder.config();
  const bool has_latest = std::filesystem::exists(folder.latest());
  const std::string command =
      another_run_command(folder, c, has_latest ? folder.latest() : std::filesystem::path());
  const double lr_g = c.optimizer_g.lr / 2, lr_d = c.optimizer_d.lr / 2;
  if (lr_g == lr_d) return concat(command, " --lr ", lr_g);
  return concat(command, " --lr-g ", lr_g, " --lr-d ", lr_d);
}

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

gan::Position resume_run(const gan::RunFolder& folder, const TrainOptions& o, const CLI::App& command,
                         gan::Trainer& trainer, const Dataset& data) {
  const int64_t batches = full_batches(data.size(), o.config.batch_size);
  gan::Position position;
  const std::filesystem::path place = folder.place_to_go_on();
  if (!place.empty()) {
    position = load_place(folder, place, trainer);
    check_data(folder, place, position, data, o.config, batches);
    gan::set_rates(trainer, o.config);  // a run killed while it rolled back has halved them there alone
  } else {
    std::cout << folder.path().string() << " holds no checkpoint: the run begins at its first step"
              << std::endl;
    load_first_weights(trainer);
  }
  const int64_t begun = position.epoch + (position.batch > 0),
                done = position.epoch * batches + position.batch;
  check(o.config.steps > 0 || begun <= o.config.epochs, "--epochs ", o.config.epochs, " is fewer than the ",
        begun, " that the run in ", folder.path().string(), " has already begun");
  check(o.config.steps == 0 || done <= o.config.steps, "--steps ", o.config.steps, " is fewer than the ",
        done, " that the run in ", folder.path().string(), " has already done");
  refuse_idle_after(folder, o, command, done, batches);
  compare_pictures(folder, data, o.config, o.moves_data);
  if (!place.empty() && place != folder.latest()) {
    std::cerr << folder.latest().string() << " is missing: the run goes on from " << place.filename().string()
              << std::endl;
    gan::save_checkpoint(folder.latest(), trainer, position);
  }
  const std::string data_before = folder.config().data;
  folder.write_config(o.config, o.to_keep(trainer.device()));
  if (o.config.data != data_before)
    std::cout << "The data are taken from " << printable(o.config.data) << " from now on, no more from "
              << printable(data_before) << std::endl;
  return position;
}

}  // namespace duel::commands
