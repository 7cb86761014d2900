// dcgan latent invert
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <memory>
#include <numeric>
#include <optional>

#include "apps/commands/latent_options.h"
#include "apps/latent/expression.h"
#include "apps/latent/film.h"
#include "apps/latent/inversion.h"
#include "apps/latent/photos.h"
#include "lib/error.h"
#include "lib/io/file.h"

namespace duel::commands {
namespace {

struct InvertOptions {
  LatentOptions common;
  latent::InversionOptions search;
  std::optional<double> bound;
  std::string photo, face, save_as, film;
  int64_t crop = 0, restarts = 4, milliseconds = 80;
  uint64_t seed = 0;
};

std::string grey_levels(double error) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", error);
  return text;
}

/// One descent begins at z = 0, the middle of the latents, the others anywhere.
std::vector<latent::Latent> starts(const InvertOptions& o, const latent::Painter& painter) {
  std::vector<latent::Latent> faces{latent::Latent(static_cast<size_t>(painter.z_dim()), 0.0f)};
  if (o.restarts > 1) {
    const std::vector<latent::Latent> random = painter.elsewhere(o.seed, o.restarts - 1);
    faces.insert(faces.end(), random.begin(), random.end());
  }
  return faces;
}

void write_errors(const std::filesystem::path& path, const std::vector<latent::Search>& searches) {
  std::string text = "step";
  for (size_t i = 0; i < searches.size(); ++i) text += concat(",start_", i + 1);
  for (size_t step = 0; step < searches[0].errors.size(); ++step) {
    text += concat("\n", step);
    for (const latent::Search& search : searches) text += concat(",", search.errors[step]);
  }
  write_file_atomically(path, text + "\n");
}

std::vector<Image> film_frames(const InvertOptions& o, const Image& target, const latent::Search& search,
                               const latent::Painter& painter) {
  const std::vector<Image> pictures = painter.draw(search.path);
  std::vector<Image> frames;
  for (size_t i = 0; i < pictures.size(); ++i) {
    const int64_t step = std::min(static_cast<int64_t>(i) * o.search.path_every, o.search.steps);
    const latent::Sheet sheet{
        concat("step ", step),
        {},
        {{"", {{"wanted", target}, {grey_levels(search.errors[static_cast<size_t>(step)]), pictures[i]}}}}};
    frames.push_back(latent::draw(sheet, o.common.zoom_for(painter)));
  }
  return latent::to_one_size(frames);
}

/// Where the picture is one of G's own: how far the z that was found is from the one that drew it.
void compare(const latent::Latent& found, const latent::Latent& true_z) {
  const std::vector<double> a(found.begin(), found.end()), b(true_z.begin(), true_z.end());
  double distance = 0;
  for (size_t i = 0; i < a.size(); ++i) distance += (a[i] - b[i]) * (a[i] - b[i]);
  const double product = std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  const double lengths = latent::length(a) * latent::length(b);
  std::cout << "The z that was found is " << latent::figure_number(std::sqrt(distance))
            << " from the one behind the picture, whose length is "
            << latent::figure_number(latent::length(b));
  if (lengths > 0) std::cout << "; the cosine between them is " << latent::figure_number(product / lengths);
  std::cout << std::endl;
}

void run(InvertOptions& o, const CLI::App& command) {
  check(o.photo.empty() != o.face.empty(), "invert needs either --photo FILE or --face NAME");
  refuse_idle(command, {{"--names", o.face.empty() && o.save_as.empty(),
                         "with --photo, unless --save-as names what is found; give both, or neither"},
                        {"--seed", o.restarts == 1,
                         "with --restarts 1, which begins at z = 0; leave it out, or give more --restarts"}});
  const std::filesystem::path csv = o.common.beside(".csv");
  if (o.film.empty()) o.film = o.common.beside("").string() + "-film.png";
  LatentOptions::Files own{.outputs = {{"the errors beside --output", csv}, {"--film", o.film}},
                           .adds_names = !o.save_as.empty()};
  if (!o.photo.empty()) own.inputs.push_back({"--photo", o.photo});
  o.common.check_outputs(own);
  const std::string name = o.save_as.empty() ? "inverted" : o.save_as;
  latent::check_name(name);
  const latent::Painter painter = o.common.open_painter();
  if (!o.save_as.empty()) refuse_to_replace(name, o.common, painter);
  latent::Latent true_z;
  Image target;
  if (o.photo.empty()) {
    true_z = latent::Expression(o.face).evaluate_latent(o.common.read_names(painter));
    target = painter.draw(true_z);
  } else {
    target = latent::read_photo(o.photo, painter.config(), o.crop);
  }

  o.search.bound = o.bound.value_or(painter.usual_bound());
  o.search.path_every = std::max<int64_t>(1, o.search.steps / 60);
  const std::vector<Image> targets(static_cast<size_t>(o.restarts), target);
  const std::vector<latent::Search> searches =
      latent::invert(painter.network(), latent::to_tensor(targets, painter.device()), starts(o, painter),
                     o.search, [&](int64_t done, double error) {
                       show_progress(concat("step ", done, " of ", o.search.steps, ", error ",
                                            grey_levels(error), " grey levels"));
                     });
  end_progress();
  const auto best =
      std::min_element(searches.begin(), searches.end(),
                       [](const latent::Search& a, const latent::Search& b) { return a.error < b.error; });
  std::cout << "The best of " << searches.size() << " descents came within " << grey_levels(best->error)
            << " grey levels (root mean square)" << std::endl;
  if (!true_z.empty()) compare(best->z, true_z);

  latent::Sheet sheet;
  sheet.rows.push_back({"", {{"wanted", target}}});
  latent::Names shown(painter.z_dim());
  for (size_t i = 0; i < searches.size(); ++i) {
    sheet.rows[0].cells.push_back(
        {concat(i + 1, ": ", grey_levels(searches[i].error)), painter.draw(searches[i].z)});
    shown.set(concat("start_", i + 1), searches[i].z);
  }
  latent::Names result(painter.z_dim());
  result.set(name, best->z);
  shown.merge(result);
  if (!o.save_as.empty()) add_names(result, o.common, painter);
  write_errors(csv, searches);
  latent::write_film(o.film, film_frames(o, target, *best, painter), o.milliseconds);
  std::cout << "The errors over the steps are in " << csv.string() << ", the film of the search in " << o.film
            << std::endl;
  o.common.write(sheet, shown, painter);
}

}  // namespace

void add_latent_invert(CLI::App& latent) {
  CLI::App* const command =
      add_command(latent, "invert", "Find the z whose picture is nearest to a photo, by gradient descent");
  const auto options = std::make_shared<InvertOptions>();
  InvertOptions& o = *options;
  CLI::Option* const photo = command->add_option("--photo", o.photo, "The picture to find");
  CLI::Option* const face =
      command
          ->add_option("--face", o.face,
                       "Instead: the picture of a name or expression, to see how well it is found")
          ->excludes(photo);
  command->add_option("--crop", o.crop, "Side of the photo's central square; 0: its shorter side")
      ->capture_default_str()
      ->check(at_least(0))
      ->excludes(face);
  command->add_option("--steps", o.search.steps, "Steps of each descent")
      ->capture_default_str()
      ->check(at_least(1));
  command->add_option("--lr", o.search.lr, "Adam's first learning rate; it falls to 0")
      ->capture_default_str()
      ->check(positive_number());
  add_bound(*command, o.bound);
  command->add_option("--restarts", o.restarts, "Descents: the first begins at z = 0, the others anywhere")
      ->capture_default_str()
      ->check(at_least(1, 256));
  command->add_option("--seed", o.seed, "Where the descents after the first begin")
      ->capture_default_str()
      ->check(at_least(0));
  command->add_option("--save-as", o.save_as, "Add the z under this name to the file of names");
  command->add_option(
      "--film", o.film,
      "The film of the best descent, an animated PNG; without it -film.png beside the figure");
  command->add_option("--milliseconds", o.milliseconds, "How long a frame is shown")
      ->capture_default_str()
      ->check(at_least(1, 65535));
  o.common.add_to(*command, "invert.png");
  command->callback([options, command] { run(*options, *command); });
}

}  // namespace duel::commands
