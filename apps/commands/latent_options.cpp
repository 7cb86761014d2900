#include "apps/commands/latent_options.h"

#include <unistd.h>

#include <iostream>

#include "apps/commands/change_lock.h"
#include "apps/latent/expression.h"
#include "lib/error.h"
#include "lib/io/image.h"

namespace duel::commands {

namespace {

/// Whether a file of names calls the painter's checkpoint by its path, from here or from its own folder.
bool names_file_of(const std::string& file, const latent::Names& names, const latent::Painter& painter) {
  const std::filesystem::path path = names.origin().checkpoint;
  std::error_code error;  // a checkpoint that is gone is another one
  return std::filesystem::equivalent(path, painter.checkpoint(), error) ||
         std::filesystem::equivalent(std::filesystem::path(file).parent_path() / path, painter.checkpoint(),
                                     error);
}

/// "with PATH", and how that network differs from the painter's; empty where it is the same, or nothing is
/// known of it. A network is known by its fingerprint; files of before there was one tell the path alone.
std::string other_origin(const std::string& file, const latent::Names& names,
                         const latent::Painter& painter) {
  const auto& [path, fingerprint] = names.origin();
  const std::string with = "with " + path.string();
  if (!fingerprint.empty()) {
    if (fingerprint == painter.origin().fingerprint) return "";
    return with + (names_file_of(file, names, painter) ? " as it was before it was trained on"
                                                       : ", which is another network");
  }
  if (path.empty() || names_file_of(file, names, painter)) return "";
  std::error_code error;
  return with + (std::filesystem::exists(path, error) ? ", which is another checkpoint"
                                                      : ", which is not there to be compared with");
}

/// What names_to_add_to() holds, which is nothing where it is not there.
latent::Names names_to_extend(const LatentOptions& options, const latent::Painter& painter) {
  const std::string file = options.names_to_add_to();
  if (!std::filesystem::exists(file)) return latent::Names(painter.z_dim());
  latent::Names names = latent::Names::read(file, painter.z_dim());
  const std::string other = names.entries().empty() ? "" : other_origin(file, names, painter);
  check(other.empty(), file, " holds faces named ", other, "; those of ", painter.checkpoint().string(),
        " need a file of their own: give another one with --names");
  return names;
}

/// The face that an expression finds by `name` in the grid's letters, where they are looked up; else none.
std::optional<latent::Latent> face_of_grid(const std::string& name, const LatentOptions& options,
                                           const latent::Painter& painter) {
  if (!options.names.empty() || !std::filesystem::exists(kGridFile)) return {};
  try {
    const latent::Names grid = latent::Names::read(kGridFile, painter.z_dim());
    const latent::Latent* const z = grid.find(name);
    return z == nullptr ? std::nullopt : std::optional(*z);
  } catch (const Error&) {
    return {};  // of another checkpoint, say: no expression finds its faces
  }
}

/// Throws Error if `name` would be another face than it is, in the file or in the grid, unless --force was
/// given. Null is a face that is not known yet.
void refuse_another(const std::string& name, const latent::Latent* z, const latent::Names& there,
                    const LatentOptions& options, const latent::Painter& painter) {
  if (options.force) return;
  const latent::Latent* const own = there.find(name);
  check(own == nullptr || (z != nullptr && *z == *own), options.names_to_add_to(),
        z == nullptr ? " already has a face named " : " already has another ", name, "; --force replaces it");
  if (own != nullptr) return;  // which has hidden the grid's before
  const std::optional<latent::Latent> drawn = face_of_grid(name, options, painter);
  check(!drawn || (z != nullptr && *z == *drawn), name, " is a face of the grid in ", kGridFile,
        ", which the new one would hide; give another name, or hide it by --force");
}

/// Throws CLI's error for a word that might be meant as an expression, and is neither an option. The one that
/// CLI would give may name what the expression is missing for instead.
void refuse_unknown(const CLI::App& command, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  const std::string& of = command.get_name();
  if (!(of == "eval" || of == "interpolate" || of == "nearest") || !word.starts_with("--")) return;
  if (command.get_option_no_throw(name) != nullptr) return;
  throw CLI::ValidationError(word,
                             "there is no such option; an expression that begins with -- is "
                             "written in brackets: \"(" +
                                 word + ")\"");
}

/// Whether a word is the value of the option before it.
bool is_value(const CLI::App& command, const std::string& before) {
  if (!before.starts_with("--")) return false;
  const CLI::Option* const option = command.get_option_no_throw(before);
  return option != nullptr && option->get_items_expected_max() > 0;
}

}  // namespace

void LatentOptions::add_to(CLI::App& command, const char* default_output, bool with_names) {
  output = default_output;
  command.add_option("--checkpoint", checkpoint, "A checkpoint, or the folder of a run (its latest)")
      ->required();
  if (with_names)
    one_each_time(command.add_option(
        "--names", names,
        concat(
            "A file of names; for several give it once for each, and new names go to the first. Without it ",
            kNamesFile, ", and ", kGridFile, " for other names")));
  command
      .add_option("--output", output,
                  "The figure, a PNG; the latents that it shows go to .safetensors beside it")
      ->capture_default_str();
  command.add_option("--zoom", zoom, "Enlargement of the pictures; 0: to about 128 pixels a side")
      ->capture_default_str()
      ->check(at_least(0, 32));
  command.add_flag("--force", force, "Overwrite files and names that are already there");
  machine.add_to(command);
}

std::filesystem::path LatentOptions::beside(const std::string& extension) const {
  return std::filesystem::path(output).replace_extension(extension);
}

void LatentOptions::check_outputs(const Files& own) const {
  check(std::filesystem::path(output).extension() != ".safetensors", "--output ", output,
        " is the name of the figure, a PNG; the latents go to .safetensors beside it");
  std::vector<NamedFile> outputs{{"--output", output},
                                 {"the latents beside --output", beside(".safetensors")}};
  outputs.insert(outputs.end(), own.outputs.begin(), own.outputs.end());
  std::vector<NamedFile> inputs = own.inputs;
  inputs.push_back(checkpoint_input(checkpoint));
  if (names.empty()) {
    inputs.push_back({"the file of names", kNamesFile});
    inputs.push_back({"the latents of sample's grid", kGridFile});
  }
  for (const std::string& file : names) inputs.push_back({"--names", file});
  commands::check_outputs(outputs, force, inputs);
  // A file of names that is there gets more of them.
  if (own.adds_names) commands::check_outputs({{"--names", names_to_add_to()}}, true);
}

latent::Painter LatentOptions::open_painter() const { return {checkpoint, machine.apply()}; }

latent::Names LatentOptions::read_names(const latent::Painter& painter) const {
  latent::Names all(painter.z_dim());
  for (const char* file : {kGridFile, kNamesFile})
    if (names.empty() && std::filesystem::exists(file)) all.replace(read_file_of_names(file, painter));
  for (const std::string& file : names) all.merge(read_file_of_names(file, painter));
  return all;
}

int64_t LatentOptions::zoom_for(const latent::Painter& painter) const {
  return zoom > 0 ? zoom : latent::default_zoom(painter.config().image_size);
}

void LatentOptions::write(const latent::Sheet& sheet, const latent::Names& shown,
                          const latent::Painter& painter) const {
  write_png(output, latent::draw(sheet, zoom_for(painter)));
  shown.write(beside(".safetensors"), painter.origin());
  std::cout << "The figure is in " << output << ", its latents in " << beside(".safetensors").string()
            << std::endl;
}

latent::Names read_file_of_names(const std::string& file, const latent::Painter& painter) {
  latent::Names names = latent::Names::read(file, painter.z_dim());
  if (const std::string other = other_origin(file, names, painter); !other.empty())
    std::cout << file << ": these faces were named " << other << std::endl;
  return names;
}

void refuse_to_replace(const std::string& name, const LatentOptions& options,
                       const latent::Painter& painter) {
  refuse_another(name, nullptr, names_to_extend(options, painter), options, painter);
}

void add_names(const latent::Names& names, const LatentOptions& options, const latent::Painter& painter) {
  const std::string file = options.names_to_add_to();
  {
    const ChangeLock lock(file);
    latent::Names all = names_to_extend(options, painter);
    for (const auto& [name, z] : names.entries()) {
      refuse_another(name, &z, all, options, painter);
      all.set(name, z);
    }
    all.write(file, painter.origin());
  }
  std::cout << "Named in " << file << ": " << names.list() << std::endl;
}

CLI::Option* add_expressions(CLI::App& command, const char* name, std::vector<std::string>& expressions,
                             const std::string& help) {
  return command.add_option(name, expressions, help)->transform([](const std::string& text) {
    const size_t first = text.find_first_not_of(' '), last = text.find_last_not_of(' ');
    return first == std::string::npos ? "" : text.substr(first, last - first + 1);
  });
}

void add_bound(CLI::App& command, std::optional<double>& bound) {
  command
      .add_option(
          "--bound", bound,
          "Inversions keep the components of z between -BOUND and BOUND; 0: they are free; without it as in "
          "training, 1 where z is uniform, 3 where it is normal")
      ->check(number_within(0.0, 1e6));
}

std::vector<std::string> with_expressions_marked(const CLI::App& program, std::vector<std::string> words) {
  if (words.size() < 3 || words[0] != "latent") return words;
  const CLI::App* const latent = program.get_subcommand("latent");
  const auto commands = latent->get_subcommands([&](const CLI::App* a) { return a->get_name() == words[1]; });
  if (commands.empty()) return words;
  for (size_t i = 2; i < words.size() && words[i] != "--"; ++i) {
    std::string& word = words[i];
    refuse_unknown(*commands[0], word);
    const bool one_dash = word.size() > 1 && word[0] == '-' && word[1] != '-' && word != "-h";
    if (one_dash && !is_value(*commands[0], words[i - 1])) word.insert(0, " ");
  }
  return words;
}

std::vector<latent::Latent> evaluate_faces(const std::vector<std::string>& expressions,
                                           const latent::Names& names) {
  std::vector<latent::Latent> faces;
  for (const std::string& text : expressions)
    faces.push_back(latent::Expression(text).evaluate_latent(names));
  return faces;
}

void show_progress(const std::string& line) {
  if (isatty(STDERR_FILENO)) std::cerr << '\r' << line << "\x1b[K" << std::flush;
}

void end_progress() {
  if (isatty(STDERR_FILENO)) std::cerr << '\n';
}

}  // namespace duel::commands
