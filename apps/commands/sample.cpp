// dcgan sample
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <string_view>

#include "apps/commands/commands.h"
#include "apps/commands/latent_options.h"
#include "apps/commands/options.h"
#include "apps/commands/outputs.h"
#include "apps/gan/checkpoint.h"
#include "apps/gan/pictures.h"
#include "apps/latent/names.h"
#include "apps/latent/painter.h"
#include "apps/latent/sheet.h"
#include "lib/finite.h"
#include "lib/io/safetensors.h"
#include "lib/kernels.h"
#include "ops/layout.h"

namespace duel::commands {
namespace {

struct SampleOptions {
  std::string checkpoint, z_file, save_z, save_images, output = "samples.png", singles, names;
  int64_t count = 64, batch_size = 64, columns = 0;
  std::optional<double> mean, std;  ///< either of them: z ~ N(mean, std^2), whatever G was trained on
  double truncation = 0;
  int64_t zoom = 0;
  uint64_t seed = 0;
  bool plain = false, force = false;
  MachineOptions machine;
};

/// The latents in the file's tensor "z", (count, z_dim) float32.
Tensor read_z(const std::string& path, int64_t z_dim) {
  const Tensor z = read_safetensors(path).at("z");
  check(z.dtype() == DType::Float32 && z.dims() == 2 && z.dim(0) > 0 && z.dim(1) == z_dim, path,
        ": z must be float32 of shape (count, ", z_dim, ") for this checkpoint, got ", name_of(z.dtype()),
        " ", z.shape());
  check(all_finite(z.to_vector<float>()), path, ": z holds numbers that are not finite");
  return z;
}

/// From the distribution that G was trained on, or from N(mean, std^2) where that is asked for. Numbers
/// further than `truncation` from 0 are drawn again, before mean and std count; 0 keeps all.
Tensor draw_z(const SampleOptions& o, const gan::SavedGenerator& generator) {
  gan::Config config = generator.config;
  if (o.mean || o.std) config.latent = "normal";
  const double mean = o.mean.value_or(0), std = o.std.value_or(1);
  RandomStream stream(o.seed, Stream::Latent);
  const Tensor z = gan::draw_z(stream, o.count, config, Device{});
  std::vector<float> values = z.to_vector<float>();
  std::vector<float> spare;
  size_t taken = 0;
  for (float& value : values) {
    while (o.truncation > 0 && std::abs(value) > o.truncation) {
      if (taken == spare.size()) {
        spare = gan::draw_z(stream, o.count, config, Device{}).to_vector<float>();
        taken = 0;
      }
      value = spare[taken++];
    }
    value = static_cast<float>(mean + std * value);
  }
  z.upload(values.data());
  return z;
}

/// Whether a file is called as one of --singles, whatever the number of its digits.
bool is_single(std::string_view name) {
  constexpr std::string_view start = "sample-", end = ".png";
  if (!name.starts_with(start) || !name.ends_with(end) || name.size() <= start.size() + end.size())
    return false;
  name.remove_prefix(start.size());
  name.remove_suffix(end.size());
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Removes the pictures that an earlier command left beside those that `written` names, which would be taken
/// for these. Returns how many there were.
int64_t remove_earlier_singles(const std::filesystem::path& folder, const std::set<std::string>& written) {
  std::vector<std::filesystem::path> earlier;
  std::error_code error, ignored;  // of a link that leads nowhere
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (is_single(name) && !written.contains(name) && !entry->is_directory(ignored))
      earlier.push_back(entry->path());
  }
  for (size_t i = 0; !error && i < earlier.size(); ++i) std::filesystem::remove(earlier[i], error);
  check(!error, folder.string(), ": earlier pictures in it cannot be removed: ", error.message());
  return std::ssize(earlier);
}

/// Returns how many earlier ones had to go, which with `force` they do when all of these are there.
int64_t write_singles(const std::filesystem::path& folder, const std::vector<Image>& images, bool force) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  check(!error, folder.string(), ": the folder cannot be made: ", error.message());
  const size_t digits = std::to_string(images.size()).size();
  std::set<std::string> written;
  for (size_t i = 0; i < images.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    const std::string name = concat("sample-", std::string(digits - number.size(), '0'), number, ".png");
    write_png(folder / name, images[i]);
    written.insert(name);
  }
  return force ? remove_earlier_singles(folder, written) : 0;
}

void add_distribution_options(CLI::App& command, SampleOptions& o) {
  const auto truncation = [](const std::string& text) {
    const std::optional<double> value = as_number(text);
    return value == 0.0 || (value >= 0.01 && value < 1e6)
               ? std::string()
               : concat("must be 0 or at least 0.01, below which next to nothing lies; got ", text);
  };
  for (CLI::Option* option :
       {command.add_option("--mean", o.mean,
                           "Draw z from N(mean, std^2), whatever G was trained on: its mean [0]"),
        command.add_option("--std", o.std, "Its standard deviation [1]: 0.4, say, for fewer surprises")
            ->check(number_within(0.0, 1e6)),
        command
            .add_option("--truncation", o.truncation,
                        "Draw again what lies further than this from 0, before --mean and --std; 0: keep all")
            ->capture_default_str()
            ->check(CLI::Validator(truncation, "", "truncation"))})
    option->excludes("--z");
}

/// The file of names, where one is written: the letters mean something only together with it.
std::optional<std::filesystem::path> names_file(const SampleOptions& o) {
  if (o.plain) return std::nullopt;
  if (!o.names.empty()) return o.names;
  return std::filesystem::path(o.output).replace_extension(".safetensors");
}

/// Whether the pictures leave the program in another way, too. The letters of --names stand on the grid.
bool can_do_without_grid(const SampleOptions& o) {
  return o.names.empty() && !(o.singles.empty() && o.save_images.empty());
}

void write_names(const std::filesystem::path& path, const Tensor& z, const latent::Origin& origin) {
  latent::Names names(z.dim(1));
  const std::vector<latent::Latent> faces = latent::to_latents(z);
  for (size_t i = 0; i < faces.size(); ++i) names.set(latent::letters(static_cast<int64_t>(i)), faces[i]);
  names.write(path, origin);
}

/// The grid with a letter below each picture.
latent::Sheet lettered(const std::vector<Image>& images, int64_t columns) {
  const auto in_a_row = static_cast<size_t>(gan::grid_columns(images.size(), columns));
  latent::Sheet sheet;
  for (size_t i = 0; i < images.size(); ++i) {
    if (i % in_a_row == 0) sheet.rows.emplace_back();
    sheet.rows.back().cells.push_back({latent::letters(static_cast<int64_t>(i)), images[i]});
  }
  return sheet;
}

/// How far the pictures are enlarged on the grid.
int64_t zoom_of(const SampleOptions& o, int64_t image_size) {
  return o.plain ? 1 : o.zoom > 0 ? o.zoom : latent::default_zoom(image_size);
}

Image draw_grid(const std::vector<Image>& images, const SampleOptions& o) {
  if (o.plain) return gan::grid(images, o.columns);
  return latent::draw(lettered(images, o.columns), zoom_of(o, images[0].width));
}

bool lettered_grid_fits(int64_t count, const gan::Config& config, int64_t columns, int64_t zoom) {
  const int64_t size = config.image_size, side = size * zoom;
  if (count > kMaxPixels / (side * side)) return false;  // before a sheet of so many is made
  const Image without_pixels{size, size, config.channels, {}};
  const std::vector<Image> images(static_cast<size_t>(count), without_pixels);
  return latent::fits(lettered(images, columns), zoom);
}

/// Which options would make a grid of so many pictures that fits; "" where none would.
std::string ways_to_fit(int64_t count, const gan::Config& config, const SampleOptions& o) {
  if (o.plain) return "";
  int64_t zoom = zoom_of(o, config.image_size) - 1;
  while (zoom > 0 && !lettered_grid_fits(count, config, o.columns, zoom)) --zoom;
  const bool plain = o.names.empty() && gan::grid_fits(count, config.image_size, o.columns);
  return concat(zoom > 0 ? concat(", or give --zoom ", zoom) : "",
                plain ? (zoom > 0 ? " or --plain" : ", or give --plain") : "");
}

/// Whether there is a grid. Of more pictures than fit there is none where they leave the program in another
/// way; else that is an error, which is said before they are computed, as that takes long.
bool has_grid(int64_t count, const gan::Config& config, const SampleOptions& o) {
  const int64_t zoom = zoom_of(o, config.image_size), side = config.image_size * zoom;
  if (o.plain ? gan::grid_fits(count, side, o.columns) : lettered_grid_fits(count, config, o.columns, zoom))
    return true;
  check(can_do_without_grid(o), "--output: a grid of ", counted(count, "picture"), " of ", side, "x", side,
        " would be larger than the ", kMaxPixels, " pixels that a picture may have; take fewer",
        ways_to_fit(count, config, o), o.names.empty() ? "; --singles needs no grid" : "");
  return false;
}

/// The grid and what is written with it.
std::vector<NamedFile> grid_files(const SampleOptions& o) {
  std::vector<NamedFile> files{{"--output", o.output}};
  if (const auto names = names_file(o))
    files.push_back({o.names.empty() ? "the latents beside --output" : "--names", *names});
  return files;
}

void refuse_to_overwrite_grid(const SampleOptions& o) {
  for (const NamedFile& file : grid_files(o)) refuse_to_overwrite({file.path}, o.force);
}

void check_outputs_of(const SampleOptions& o) {
  std::vector<NamedFile> outputs = grid_files(o);
  if (!o.save_z.empty()) outputs.push_back({"--save-z", o.save_z});
  if (!o.save_images.empty()) outputs.push_back({"--save-images", o.save_images});
  std::vector<NamedFile> inputs{checkpoint_input(o.checkpoint)};
  if (!o.z_file.empty()) inputs.push_back({"--z", o.z_file});
  check_outputs(outputs, true, inputs);
  // Whether there is a grid is known when the checkpoint has been read.
  if (!can_do_without_grid(o)) refuse_to_overwrite_grid(o);
  for (const std::string& file : {o.save_z, o.save_images})
    if (!file.empty()) refuse_to_overwrite({file}, o.force);
  if (o.singles.empty()) return;
  const bool is_there = std::filesystem::exists(o.singles);
  check(!is_there || std::filesystem::is_directory(o.singles), "--singles: ", o.singles,
        " is no folder; name one, or one that is to be made");
  check_folder_to_fill("--singles", o.singles);
  if (is_there && !std::filesystem::is_empty(o.singles)) refuse_to_overwrite({o.singles}, o.force);
}

/// Says where the pictures are.
void report(int64_t count, const gan::SavedGenerator& generator, bool with_grid, const SampleOptions& o) {
  const bool one = count == 1;
  std::cout << counted(count, "picture") << " from " << generator.path.string()
            << (one ? " is in " : " are in ");
  if (with_grid) {
    std::cout << o.output;
    if (const auto names = names_file(o))
      std::cout << (one ? ", its latent by the letter in " : ", their latents by the letters in ")
                << names->string();
  } else {
    std::cout << o.singles << (o.singles.empty() || o.save_images.empty() ? "" : " and ") << o.save_images
              << "; there is no grid, as one of so many would be larger than the " << kMaxPixels
              << " pixels that a picture may have";
  }
  std::cout << std::endl;
}

void run(const SampleOptions& o, const CLI::App& command) {
  check_outputs_of(o);
  const Device device = o.machine.apply();
  const gan::SavedGenerator generator = gan::load_generator(o.checkpoint, device);
  const bool is_uniform = generator.config.latent == "uniform" && !o.mean && !o.std;
  refuse_idle(command, {{"--truncation", is_uniform && o.truncation >= 1,
                         concat("from 1 on without --mean or --std: the z of ", generator.path.string(),
                                " lie between -1 and 1; give less, or one of those")}});
  const Tensor z = o.z_file.empty() ? draw_z(o, generator) : read_z(o.z_file, generator.config.z_dim);
  const bool with_grid = has_grid(z.dim(0), generator.config, o);
  if (with_grid) refuse_to_overwrite_grid(o);
  const Tensor pictures = gan::generate(*generator.network, z.to(device), o.batch_size).to(Device{});
  const std::vector<Image> images = gan::to_images(pictures);
  if (!o.save_z.empty()) write_safetensors(o.save_z, {{"z", z}}, {});
  if (!o.save_images.empty())
    write_safetensors(o.save_images, {{"images", permute(pictures, {0, 3, 1, 2})}}, {});
  const int64_t removed = o.singles.empty() ? 0 : write_singles(o.singles, images, o.force);
  if (with_grid) {
    write_png(o.output, draw_grid(images, o));
    if (const auto names = names_file(o))
      write_names(*names, z, {generator.path, gan::fingerprint(*generator.network)});
  }
  report(std::ssize(images), generator, with_grid, o);
  if (removed > 0)
    std::cout << counted(removed, "earlier picture") << (removed == 1 ? " is" : " are") << " gone from "
              << o.singles << std::endl;
}

}  // namespace

void add_sample(CLI::App& program) {
  CLI::App* const command = add_command(program, "sample", "Draw pictures with a trained generator");
  const auto options = std::make_shared<SampleOptions>();
  SampleOptions& o = *options;
  command->add_option("--checkpoint", o.checkpoint, "A checkpoint, or the folder of a run (its latest)")
      ->required();
  CLI::Option* const count = command->add_option("--count", o.count, "Pictures to draw")
                                 ->capture_default_str()
                                 ->check(at_least(1, 1'000'000));
  CLI::Option* const seed = command->add_option("--seed", o.seed, "The latents follow from it")
                                ->capture_default_str()
                                ->check(at_least(0));
  command->add_option("--z", o.z_file, "Take the latents from this safetensors file, tensor z (count, z_dim)")
      ->excludes(count)
      ->excludes(seed);
  add_distribution_options(*command, o);
  command->add_option("--save-z", o.save_z, "Save the latents that were used, as --z reads them");
  command->add_option(
      "--save-images", o.save_images,
      "Save the pictures as numbers in [-1, 1]: safetensors, tensor images (count, channels, H, W)");
  command
      ->add_option("--output", o.output,
                   "The grid, a PNG; with --singles or --save-images none of more pictures than fit")
      ->capture_default_str();
  command->add_option("--columns", o.columns, "Columns of the grid; 0: as many as rows")
      ->capture_default_str()
      ->check(at_least(0, 1'000'000));
  CLI::Option* const names = command->add_option(
      "--names", o.names,
      "Save the latents by the grid's letters in this file, for `dcgan latent`; without it beside the grid");
  CLI::Option* const zoom =
      command
          ->add_option("--zoom", o.zoom, "Enlargement of the grid's pictures; 0: to about 128 pixels a side")
          ->capture_default_str()
          ->check(at_least(0, 32));
  command
      ->add_flag("--plain", o.plain, "Neither letters on the grid nor names saved, and pictures as they are")
      ->excludes(names)
      ->excludes(zoom);
  command->add_flag("--force", o.force, "Overwrite files that are already there");
  command->add_option("--singles", o.singles,
                      "Also write each picture as a PNG of its own into this folder, sample-1.png ...; with "
                      "--force in place of those that are there");
  command->add_option("--batch-size", o.batch_size, "Pictures computed at a time")
      ->capture_default_str()
      ->check(at_least(1));
  o.machine.add_to(*command);
  command->callback([options, command] { run(*options, *command); });
}

}  // namespace duel::commands
