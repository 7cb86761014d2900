// What the subcommands of `dcgan latent` have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/commands/options.h"
#include "apps/commands/outputs.h"
#include "apps/latent/painter.h"
#include "apps/latent/sheet.h"

namespace duel::commands {

// ---- the subcommands: each adds itself to `dcgan latent` ----

void add_latent_name(CLI::App& latent);
void add_latent_eval(CLI::App& latent);
void add_latent_sweep(CLI::App& latent);
void add_latent_average(CLI::App& latent);
void add_latent_interpolate(CLI::App& latent);
void add_latent_invert(CLI::App& latent);
void add_latent_nearest(CLI::App& latent);
void add_latent_direction(CLI::App& latent);
void add_latent_factors(CLI::App& latent);

/// Where names are kept and looked for unless --names says otherwise: those given, and a grid's of sample.
inline constexpr const char *kNamesFile = "names.safetensors", *kGridFile = "samples.safetensors";

/// --checkpoint, --names, --output, --zoom, --force and the machine's.
struct LatentOptions {
  std::string checkpoint, output;
  std::vector<std::string> names;  ///< files; none: kNamesFile, and kGridFile of sample
  int64_t zoom = 0;                ///< 0: default_zoom()
  bool force = false;
  MachineOptions machine;

  /// `output` is the default of --output. A command that neither finds faces by their names nor names any
  /// has no --names.
  void add_to(CLI::App& command, const char* default_output, bool with_names = true);

  /// The file beside the picture, of another kind: "a.png" -> "a.safetensors".
  std::filesystem::path beside(const std::string& extension) const;
  /// What a command writes and reads beside what all of them do.
  struct Files {
    std::vector<NamedFile> outputs = {}, inputs = {};
    bool adds_names = false;  ///< to names_to_add_to(), whose folder must be there, too
  };
  /// Throws Error as commands::check_outputs() does of --output, its file of latents and the command's own:
  /// of which none may be the checkpoint or a file of --names either.
  void check_outputs(const Files& own = {{}, {}, false}) const;
  latent::Painter open_painter() const;
  /// All names of all files of --names. Without any those of kNamesFile, and of kGridFile what that lacks;
  /// where neither is there, none. Says on stdout where faces were named with another network.
  latent::Names read_names(const latent::Painter& painter) const;
  /// The file that new names are added to: the first of --names, or kNamesFile.
  std::string names_to_add_to() const { return names.empty() ? kNamesFile : names[0]; }
  int64_t zoom_for(const latent::Painter& painter) const;
  /// Writes the figure and, beside it, the latents that it shows by their names; says so on stdout.
  void write(const latent::Sheet& sheet, const latent::Names& shown, const latent::Painter& painter) const;
};

/// The names of a file. Says on stdout where they were given with another network.
latent::Names read_file_of_names(const std::string& file, const latent::Painter& painter);

/// Throws Error if names_to_add_to() exists and has a face of this name already, or the grid that is looked
/// at without --names has, unless --force was given; or if that file is of another network: to be asked
/// before anything long is computed.
void refuse_to_replace(const std::string& name, const LatentOptions& options, const latent::Painter& painter);

/// Adds names to names_to_add_to(), which is made if it is not there, and says so on stdout. Other processes
/// may add theirs at the same time. Throws Error as refuse_to_replace() does, but for a name that stands for
/// the same face there; a file tells only one network, and would say of all faces that they are this
/// one's.
void add_names(const latent::Names& names, const LatentOptions& options, const latent::Painter& painter);

/// An argument without dashes that takes faces: names or expressions.
CLI::Option* add_expressions(CLI::App& command, const char* name, std::vector<std::string>& expressions,
                             const std::string& help);

/// --bound of inversions; without it Painter::usual_bound().
void add_bound(CLI::App& command, std::optional<double>& bound);

/// The words of the command line as they can be parsed: an expression such as -A would be taken for an
/// option, so what can be none has a blank put before it, which add_expressions() takes away.
std::vector<std::string> with_expressions_marked(const CLI::App& program, std::vector<std::string> words);

/// The values of expressions as faces.
std::vector<latent::Latent> evaluate_faces(const std::vector<std::string>& expressions,
                                           const latent::Names& names);

/// One line on the terminal that is rewritten in place; where stderr is none, nothing.
void show_progress(const std::string& line);
void end_progress();

}  // namespace duel::commands
