// dcgan latent sweep
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>

#include "apps/commands/latent_options.h"
#include "apps/latent/sweep.h"
#include "lib/error.h"

namespace duel::commands {
namespace {

struct SweepOptions {
  LatentOptions common;
  int64_t dim = -1, top = 8;
  std::string mid = "-0.6,-0.3,0.1,0.3,0.6", quantiles = "0.14:0.86:8";
  std::optional<std::string> values;
  std::vector<std::string> around;
  bool all_dims = false;
};

/// The faces around which is swept, each with the heading of its row.
struct Middle {
  std::string heading;
  latent::Latent z;
};

std::vector<Middle> middles(const SweepOptions& o, const latent::Painter& painter) {
  std::vector<Middle> result;
  if (o.around.empty()) {
    for (const double mid : latent::parse_numbers("--mid", o.mid))
      result.push_back({latent::figure_number(mid),
                        latent::Latent(static_cast<size_t>(painter.z_dim()), static_cast<float>(mid))});
    return result;
  }
  const latent::Names names = o.common.read_names(painter);
  const std::vector<latent::Latent> faces = evaluate_faces(o.around, names);
  for (size_t i = 0; i < faces.size(); ++i) result.push_back({o.around[i], faces[i]});
  return result;
}

/// Adds a row of pictures, and their latents under the names r1c1, r1c2, ...
void add_row(latent::Sheet& sheet, latent::Names& shown, const std::string& heading,
             const std::vector<latent::Latent>& faces, const latent::Painter& painter) {
  latent::Row row{heading, {}};
  const std::vector<Image> pictures = painter.draw(faces);
  for (size_t i = 0; i < faces.size(); ++i) {
    row.cells.push_back({"", pictures[i]});
    shown.set(concat("r", sheet.rows.size() + 1, "c", i + 1), faces[i]);
  }
  sheet.rows.push_back(std::move(row));
}

/// Ranks the components by how much they change the picture, and adds a row for each of the strongest.
void add_strongest(latent::Sheet& sheet, latent::Names& shown, const SweepOptions& o,
                   const std::vector<Middle>& rows, const std::vector<double>& values,
                   const latent::Painter& painter) {
  std::vector<latent::Latent> faces;
  for (const Middle& row : rows) faces.push_back(row.z);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const std::vector<latent::ComponentChange> ranked = latent::rank_components(painter, faces, *low, *high);
  std::cout << "component  change of the picture in grey levels\n";
  for (const latent::ComponentChange& component : ranked) {
    char line[64];
    std::snprintf(line, sizeof line, "%9lld  %.2f\n", static_cast<long long>(component.dim),
                  component.change);
    std::cout << line;
  }
  const auto count = std::min(ranked.size(), static_cast<size_t>(o.top));
  for (size_t i = 0; i < count; ++i)
    add_row(sheet, shown, concat(ranked[i].dim, " (", latent::figure_number(ranked[i].change), ")"),
            latent::sweep(rows[0].z, ranked[i].dim, values), painter);
  sheet.title = concat("the ", count, " components that change the picture most, around ", rows[0].heading);
}

void run(const SweepOptions& o, const CLI::App& command) {
  refuse_idle(command, {{"--names", o.around.empty(), "without --around; give both, or neither"}});
  check(o.all_dims || o.dim >= 0, "sweep needs --dim N, the component to sweep, or --all-dims");
  const std::vector<double> values = o.values ? latent::parse_numbers("--values", *o.values)
                                              : latent::parse_quantiles("--quantiles", o.quantiles);
  check(!o.all_dims ||
            *std::min_element(values.begin(), values.end()) < *std::max_element(values.begin(), values.end()),
        "--all-dims compares the pictures at the least and the greatest of --values: give two that differ");
  o.common.check_outputs();
  const latent::Painter painter = o.common.open_painter();
  const std::vector<Middle> rows = middles(o, painter);
  latent::Sheet sheet;
  for (const double value : values) sheet.columns.push_back(latent::figure_number(value));
  latent::Names shown(painter.z_dim());
  if (o.all_dims) {
    add_strongest(sheet, shown, o, rows, values, painter);
  } else {
    sheet.title = concat("component ", o.dim);
    for (const Middle& row : rows)
      add_row(sheet, shown, row.heading, latent::sweep(row.z, o.dim, values), painter);
  }
  o.common.write(sheet, shown, painter);
}

}  // namespace

void add_latent_sweep(CLI::App& latent) {
  CLI::App* const command =
      add_command(latent, "sweep", "Let one component of z take one value after the other");
  const auto options = std::make_shared<SweepOptions>();
  SweepOptions& o = *options;
  CLI::Option* const dim =
      command->add_option("--dim", o.dim, "The component, counted from 0")->check(at_least(0));
  CLI::Option* const all_dims =
      command->add_flag("--all-dims", o.all_dims, "Rank all components by how much they change the picture")
          ->excludes(dim);
  command
      ->add_option("--top", o.top, "With --all-dims: how many of the strongest to show, around the first row")
      ->capture_default_str()
      ->check(at_least(1))
      ->needs(all_dims);
  CLI::Option* const mid =
      command->add_option("--mid", o.mid, "A row for each of these numbers, which all other components have")
          ->capture_default_str();
  one_each_time(command->add_option(
                    "--around", o.around,
                    "Instead of --mid: a row for this face, a name or an expression; may be given again"))
      ->excludes(mid);
  CLI::Option* const quantiles =
      command
          ->add_option("--quantiles", o.quantiles,
                       "The component's values as FROM:TO:COUNT, quantiles of the normal distribution")
          ->capture_default_str();
  command->add_option("--values", o.values, "The component's values themselves, with commas between them")
      ->excludes(quantiles);
  o.common.add_to(*command, "sweep.png");
  command->callback([options, command] { run(*options, *command); });
}

}  // namespace duel::commands
