// dcgan latent interpolate
#include <iostream>
#include <memory>

#include "apps/commands/latent_options.h"
#include "apps/latent/film.h"
#include "apps/latent/interpolation.h"
#include "lib/error.h"

namespace duel::commands {
namespace {

struct InterpolateOptions {
  LatentOptions common;
  std::vector<std::string> faces;
  int64_t steps = 8, film_steps = 24, milliseconds = 80;
  std::string method = "lerp", film;
};

std::vector<latent::Method> methods(const std::string& name) {
  if (name == "both") return {latent::Method::Lerp, latent::Method::Slerp};
  return {name == "slerp" ? latent::Method::Slerp : latent::Method::Lerp};
}

/// Through all faces and back to the first, so that the film runs round; each frame says where it is.
std::vector<Image> film_frames(const InterpolateOptions& o, const std::vector<latent::Latent>& faces,
                               const latent::Painter& painter) {
  std::vector<Image> frames;
  for (size_t leg = 0; leg < faces.size(); ++leg) {
    const size_t next = (leg + 1) % faces.size();
    std::vector<latent::Sheet> sheets(static_cast<size_t>(o.film_steps));
    for (const latent::Method method : methods(o.method)) {
      const std::vector<Image> pictures =
          painter.draw(latent::interpolate(faces[leg], faces[next], o.film_steps + 1, method));
      for (size_t i = 0; i < sheets.size(); ++i) {
        sheets[i].title = concat(o.faces[leg], " > ", o.faces[next]);
        if (sheets[i].rows.empty()) sheets[i].rows.emplace_back();
        const double share = static_cast<double>(i) / static_cast<double>(o.film_steps);
        sheets[i].rows[0].cells.push_back(
            {concat(latent::name_of(method), " ", latent::figure_number(share)), pictures[i]});
      }
    }
    for (const latent::Sheet& sheet : sheets)
      frames.push_back(latent::draw(sheet, o.common.zoom_for(painter)));
  }
  return latent::to_one_size(frames);
}

void run(const InterpolateOptions& o) {
  check(o.faces.size() >= 2, "interpolate needs at least two faces, got ", o.faces.size());
  LatentOptions::Files own;
  if (!o.film.empty()) own.outputs.push_back({"--film", o.film});
  o.common.check_outputs(own);
  const latent::Painter painter = o.common.open_painter();
  const std::vector<latent::Latent> faces = evaluate_faces(o.faces, o.common.read_names(painter));
  latent::Sheet sheet;
  for (int64_t i = 0; i < o.steps; ++i)
    sheet.columns.push_back(latent::figure_number(static_cast<double>(i) / static_cast<double>(o.steps - 1)));
  latent::Names shown(painter.z_dim());
  for (size_t leg = 0; leg + 1 < faces.size(); ++leg) {
    for (const latent::Method method : methods(o.method)) {
      const std::vector<latent::Latent> way =
          latent::interpolate(faces[leg], faces[leg + 1], o.steps, method);
      const std::vector<Image> pictures = painter.draw(way);
      latent::Row row{concat(o.faces[leg], " > ", o.faces[leg + 1], ", ", latent::name_of(method)), {}};
      for (size_t i = 0; i < way.size(); ++i) {
        row.cells.push_back({"", pictures[i]});
        shown.set(concat("r", sheet.rows.size() + 1, "c", i + 1), way[i]);
      }
      sheet.rows.push_back(std::move(row));
    }
  }
  if (!o.film.empty()) {
    const std::vector<Image> frames = film_frames(o, faces, painter);
    latent::write_film(o.film, frames, o.milliseconds);
    std::cout << "The film, " << frames.size() << " frames, is in " << o.film << std::endl;
  }
  o.common.write(sheet, shown, painter);
}

}  // namespace

void add_latent_interpolate(CLI::App& latent) {
  CLI::App* const command =
      add_command(latent, "interpolate", "The way from face to face, as a grid and as a film");
  const auto options = std::make_shared<InterpolateOptions>();
  InterpolateOptions& o = *options;
  add_expressions(*command, "FACE", o.faces, "Two or more names or expressions")->required();
  command->add_option("--steps", o.steps, "Pictures from one face to the next, both included")
      ->capture_default_str()
      ->check(at_least(2, 1000));
  command
      ->add_option("--method", o.method,
                   "lerp: straight, by equal steps; slerp: along the arc, by equal angles; or both")
      ->capture_default_str()
      ->check(CLI::IsMember({"lerp", "slerp", "both"}));
  CLI::Option* const film = command->add_option(
      "--film", o.film, "Also write a film, an animated PNG, through all faces and back to the first");
  command->add_option("--film-steps", o.film_steps, "With --film: its frames from one face to the next")
      ->capture_default_str()
      ->check(at_least(1, 1000))
      ->needs(film);
  command->add_option("--milliseconds", o.milliseconds, "With --film: how long a frame is shown")
      ->capture_default_str()
      ->check(at_least(1, 65535))
      ->needs(film);
  o.common.add_to(*command, "interpolation.png");
  command->callback([options] { run(*options); });
}

}  // namespace duel::commands
