#include "apps/commands/latent_options.h"

#include <unistd.h>

#include <iostream>

#include "apps/latent/expression.h"
#include "lib/error.h"
#include "lib/io/image.h"

namespace duel::commands {

void LatentOptions::add_to(CLI::App& command, const char* default_output) {
  output = default_output;
  command.add_option("--checkpoint", checkpoint, "A checkpoint, or the folder of a run (its latest)")
      ->required();
  command
      .add_option("--names", names,
                  "A file of names, as sample and the latent commands write them; may be given several times")
      ->allow_extra_args(false);
  command
      .add_option("--output", output,
                  "The figure, a PNG; the latents that it shows go to .safetensors beside it")
      ->capture_default_str();
  command.add_option("--zoom", zoom, "Enlargement of the pictures; 0: to about 64 pixels a side")
      ->capture_default_str()
      ->check(CLI::Range(0, 32));
  command.add_flag("--force", force, "Overwrite files and names that are already there");
  machine.add_to(command);
}

std::filesystem::path LatentOptions::beside(const std::string& extension) const {
  return std::filesystem::path(output).replace_extension(extension);
}

void LatentOptions::check_outputs(const std::vector<std::filesystem::path>& more) const {
  check(std::filesystem::path(output).extension() != ".safetensors", "--output ", output,
        " is the name of the figure, a PNG; the latents go to .safetensors beside it");
  std::vector<std::filesystem::path> files{output, beside(".safetensors")};
  files.insert(files.end(), more.begin(), more.end());
  refuse_to_overwrite(files, force);
}

latent::Painter LatentOptions::open_painter() const { return {checkpoint, machine.apply()}; }

latent::Names LatentOptions::read_names(const latent::Painter& painter) const {
  latent::Names all(painter.z_dim());
  for (const std::string& file : names) all.merge(latent::Names::read(file, painter.z_dim()));
  return all;
}

int64_t LatentOptions::zoom_for(const latent::Painter& painter) const {
  return zoom > 0 ? zoom : latent::default_zoom(painter.config().image_size);
}

void LatentOptions::write(const latent::Sheet& sheet, const latent::Names& shown,
                          const latent::Painter& painter) const {
  write_png(output, latent::draw(sheet, zoom_for(painter)));
  shown.write(beside(".safetensors"), painter.checkpoint());
  std::cout << "The figure is in " << output << ", its latents in " << beside(".safetensors").string()
            << std::endl;
}

void refuse_to_overwrite(const std::vector<std::filesystem::path>& files, bool force) {
  if (force) return;
  for (const std::filesystem::path& file : files)
    check(!std::filesystem::exists(file), file.string(), " is already there; --force overwrites it");
}

void refuse_to_replace(const std::string& name, const LatentOptions& options,
                       const latent::Painter& painter) {
  if (options.force || options.names.empty() || !std::filesystem::exists(options.names[0])) return;
  check(latent::Names::read(options.names[0], painter.z_dim()).find(name) == nullptr, options.names[0],
        " already has a face named ", name, "; --force replaces it");
}

void add_to_names_file(const std::filesystem::path& path, const latent::Names& names,
                       const latent::Painter& painter, bool force) {
  latent::Names all(painter.z_dim());
  if (std::filesystem::exists(path)) all = latent::Names::read(path, painter.z_dim());
  for (const auto& [name, z] : names.entries()) {
    const latent::Latent* const there = all.find(name);
    check(force || there == nullptr || *there == z, path.string(), " already has another ", name,
          "; --force replaces it");
    all.set(name, z);
  }
  all.write(path, painter.checkpoint());
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
