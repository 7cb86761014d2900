// dcgan latent direction
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "apps/commands/latent_options.h"
#include "apps/commands/open_data.h"
#include "apps/latent/directions.h"
#include "apps/latent/expression.h"
#include "apps/latent/photos.h"
#include "apps/latent/sweep.h"
#include "lib/error.h"

namespace duel::commands {
namespace {

struct DirectionOptions {
  LatentOptions common;
  latent::InversionOptions search{.steps = 200};
  std::optional<double> bound;
  std::string name, factor, low, high, with, without, strengths = "-2,-1,0,1,2";
  std::vector<std::string> on;
  int64_t count = 32, crop = 0;
};

/// Says which were left out, as train does of its data.
std::vector<Image> photos_of(const std::string& folder, const DirectionOptions& o,
                             const gan::Config& config) {
  latent::Photos photos = latent::read_photos(folder, config, o.crop, o.count);
  report_left_out(photos.left_out);
  return std::move(photos.images);
}

latent::Contrast contrast(const DirectionOptions& o, const gan::Config& config) {
  if (o.factor.empty()) {
    std::error_code error;  // a folder that is not there is named where it is read
    check(!std::filesystem::equivalent(o.with, o.without, error), "--with and --without are one folder, ",
          o.with, ": no direction leads from pictures to themselves; name two");
    return {photos_of(o.with, o, config), photos_of(o.without, o, config)};
  }
  const FaceFactor& factor = latent::find_factor(o.factor);
  const float low = o.low.empty() ? factor.low : latent::factor_value(factor, "--low", o.low),
              high = o.high.empty() ? factor.high : latent::factor_value(factor, "--high", o.high);
  check(low != high, "--low and --high are both ", low, " of ", o.factor,
        ": no direction leads from pictures to themselves; give two values");
  return latent::draw_contrast(factor, low, high, o.count, config);
}

latent::Inverted invert(const DirectionOptions& o, const std::vector<Image>& pictures, const char* which,
                        const latent::Painter& painter) {
  const latent::Inverted inverted =
      latent::invert_all(painter, pictures, o.search, [&](int64_t done, int64_t step) {
        show_progress(concat("pictures ", which, ": ", done, " of ", pictures.size(), " done, step ", step,
                             " of ", o.search.steps));
      });
  end_progress();
  std::cout << counted(std::ssize(pictures), "picture") << " " << which << ", found to within "
            << latent::figure_number(inverted.error) << " grey levels" << std::endl;
  return inverted;
}

/// Faces to show the direction on: those of --on, else the middle of the latents and the first of seed 0.
std::vector<std::pair<std::string, latent::Latent>> shown_on(const DirectionOptions& o,
                                                             const latent::Painter& painter) {
  std::vector<std::pair<std::string, latent::Latent>> faces;
  if (!o.on.empty()) {
    const std::vector<latent::Latent> values = evaluate_faces(o.on, o.common.read_names(painter));
    for (size_t i = 0; i < values.size(); ++i) faces.emplace_back(o.on[i], values[i]);
    return faces;
  }
  faces.emplace_back("z = 0", latent::Latent(static_cast<size_t>(painter.z_dim()), 0.0f));
  const std::vector<latent::Latent> seeded = painter.seeded(0, 4);
  for (size_t i = 0; i < seeded.size(); ++i)
    faces.emplace_back(latent::letters(static_cast<int64_t>(i)), seeded[i]);
  return faces;
}

void run(DirectionOptions& o) {
  check(o.factor.empty() != (o.with.empty() && o.without.empty()) && o.with.empty() == o.without.empty(),
        "direction needs either --factor NAME, or two folders of photos, --with and --without");
  latent::check_name(o.name);
  const std::vector<double> strengths = latent::parse_numbers("--strengths", o.strengths);
  o.common.check_outputs({.adds_names = true});
  const latent::Painter painter = o.common.open_painter();
  refuse_to_replace(o.name, o.common, painter);
  o.search.bound = o.bound.value_or(painter.usual_bound());
  const auto faces = shown_on(o, painter);
  const latent::Contrast pictures = contrast(o, painter.config());
  const latent::Inverted with = invert(o, pictures.with, "with it", painter);
  const latent::Inverted without = invert(o, pictures.without, "without it", painter);
  const latent::Latent direction = latent::mean_difference(with.faces, without.faces);
  const double length = latent::length({direction.begin(), direction.end()});
  check(length > 0, o.name,
        " would be no direction: the pictures with it and those without it have the same "
        "mean z; give others");
  std::cout << o.name << " has the length " << latent::figure_number(length) << std::endl;

  latent::Names named(painter.z_dim());
  named.set(o.name, direction);
  add_names(named, o.common, painter);
  latent::Sheet sheet;
  sheet.title = concat("face + strength * ", o.name);
  for (const double strength : strengths) sheet.columns.push_back(latent::figure_number(strength));
  for (const auto& [heading, face] : faces) {
    latent::Row row{heading, {}};
    for (const double strength : strengths)
      row.cells.push_back({"", painter.draw(latent::along(face, direction, strength))});
    sheet.rows.push_back(std::move(row));
  }
  o.common.write(sheet, named, painter);
}

}  // namespace

void add_latent_direction(CLI::App& latent) {
  CLI::App* const command =
      add_command(latent, "direction",
                  "A direction for a property: the mean z of pictures with it minus the mean without it");
  const auto options = std::make_shared<DirectionOptions>();
  DirectionOptions& o = *options;
  command->add_option("NAME", o.name, "The direction's name, which is added to the file of names")
      ->required();
  CLI::Option* const factor = command->add_option(
      "--factor", o.factor, "A factor of the synthetic set, drawn high and low on its people");
  command->add_option("--low", o.low, "The factor without the property; without it its least value")
      ->needs(factor);
  command->add_option("--high", o.high, "The factor with the property; without it its greatest value")
      ->needs(factor);
  command->add_option("--with", o.with, "A folder of photos with the property")->excludes(factor);
  command->add_option("--without", o.without, "A folder of photos without it")->excludes(factor);
  command->add_option("--crop", o.crop, "Side of the photos' central square; 0: their shorter side")
      ->capture_default_str()
      ->check(at_least(0))
      ->excludes(factor);
  command->add_option("--count", o.count, "Pictures of each kind, at most")
      ->capture_default_str()
      ->check(at_least(1, 100000));
  command->add_option("--steps", o.search.steps, "Steps of each inversion")
      ->capture_default_str()
      ->check(at_least(1));
  add_bound(*command, o.bound);
  one_each_time(
      command->add_option("--on", o.on, "Show it on this face, a name or an expression; may be given again"));
  command->add_option("--strengths", o.strengths, "How much of it is added, a column for each")
      ->capture_default_str();
  o.common.add_to(*command, "direction.png");
  command->callback([options] { run(*options); });
}

}  // namespace duel::commands
