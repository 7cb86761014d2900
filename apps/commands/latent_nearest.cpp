// dcgan latent nearest
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>

#include "apps/commands/latent_options.h"
#include "apps/commands/open_data.h"
#include "apps/gan/pictures.h"
#include "apps/latent/nearest.h"
#include "lib/quote.h"

namespace duel::commands {
namespace {

struct NearestOptions {
  LatentOptions common;
  std::vector<std::string> faces;
  std::string data;
  std::optional<int64_t> crop;
  int64_t count = 8, neighbours = 3;
  uint64_t seed = 0;
};

std::string distance_text(double distance) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", distance);
  return text;
}

/// As it is compared: a mirrored one turned.
latent::Cell cell(const latent::Neighbour& neighbour, const Dataset& data) {
  const Image picture = gan::picture_of(data, neighbour.index);
  const std::string distance = distance_text(neighbour.distance);
  if (!neighbour.mirrored) return {distance, picture};
  return {distance + " mirrored", latent::mirrored(picture)};
}

/// "picture 3", with its file where it has one.
std::string named(const latent::Neighbour& neighbour, const Dataset& data) {
  const std::string file = printable(data.file_of(neighbour.index));
  return concat("picture ", neighbour.index, file.empty() ? "" : ", " + file + ",",
                neighbour.mirrored ? concat(file.empty() ? "," : "", " mirrored,") : "");
}

void run(const NearestOptions& o, const CLI::App& command) {
  refuse_idle(command, {{"--names", o.faces.empty(), "without a FACE; give both, or neither"}});
  o.common.check_outputs();
  const latent::Painter painter = o.common.open_painter();
  std::vector<std::string> labels = o.faces;
  std::vector<latent::Latent> faces;
  if (o.faces.empty()) {
    faces = painter.seeded(o.seed, o.count);
    for (int64_t i = 0; i < o.count; ++i) labels.push_back(latent::letters(i));
  } else {
    faces = evaluate_faces(o.faces, o.common.read_names(painter));
  }
  const std::unique_ptr<Dataset> data =
      open_data_of_run(command, painter.config(), o.data, o.crop, o.common.machine.threads);
  std::cout << data->description() << std::endl;
  const std::vector<Image> pictures = painter.draw(faces);
  const bool hflip = painter.config().hflip;
  const auto found = latent::nearest(pictures, *data, o.neighbours, hflip);

  latent::Sheet sheet;
  sheet.columns.push_back("drawn");
  for (size_t i = 0; i < found[0].size(); ++i) sheet.columns.push_back(i ? "" : "nearest");
  latent::Names shown(painter.z_dim());
  for (size_t i = 0; i < faces.size(); ++i) {
    latent::Row row{"", {{labels[i], pictures[i]}}};
    for (const latent::Neighbour& neighbour : found[i]) row.cells.push_back(cell(neighbour, *data));
    std::cout << labels[i] << ": " << named(found[i][0], *data) << " is nearest, "
              << distance_text(found[i][0].distance) << " grey levels away\n";
    sheet.rows.push_back(std::move(row));
    shown.set(o.faces.empty() ? labels[i] : concat("face_", i + 1), faces[i]);
  }
  if (data->size() >= 2)
    std::cout << "Pictures of the set have another one " << (hflip ? "or its mirror image " : "")
              << distance_text(latent::distance_within(*data, 64, hflip)) << " grey levels away (median)\n";
  o.common.write(sheet, shown, painter);
}

}  // namespace

void add_latent_nearest(CLI::App& latent) {
  CLI::App* const command =
      add_command(latent, "nearest", "The training pictures nearest to faces: are they copies?");
  const auto options = std::make_shared<NearestOptions>();
  NearestOptions& o = *options;
  CLI::Option* const faces =
      add_expressions(*command, "FACE", o.faces, "Names or expressions; without any, faces from a seed");
  command->add_option("--count", o.count, "How many faces from the seed")
      ->capture_default_str()
      ->check(at_least(1, 1000))
      ->excludes(faces);
  command->add_option("--seed", o.seed, "The seed, as that of sample")
      ->capture_default_str()
      ->check(at_least(0))
      ->excludes(faces);
  command->add_option("--neighbours", o.neighbours, "Training pictures shown for each face")
      ->capture_default_str()
      ->check(at_least(1, 100));
  command->add_option("--data", o.data, "The training pictures; without it those of the checkpoint's run");
  command->add_option("--crop", o.crop, "Side of their central square; without it as in the checkpoint's run")
      ->check(at_least(0));
  o.common.add_to(*command, "nearest.png");
  command->callback([options, command] { run(*options, *command); });
}

}  // namespace duel::commands
