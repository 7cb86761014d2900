// dcgan latent name
#include <algorithm>
#include <charconv>
#include <iostream>
#include <memory>
#include <optional>

#include "apps/commands/latent_options.h"
#include "lib/error.h"

namespace duel::commands {
namespace {

struct NameOptions {
  LatentOptions common;
  std::string grid = kGridFile;
  std::vector<std::string> faces;
};

/// The face that "seed:17" or "grid:B" stands for. `grid` is read when it is asked for first.
latent::Latent find_face(const NameOptions& o, const std::string& assignment, const std::string& source,
                         const latent::Painter& painter, std::optional<latent::Names>& grid) {
  const size_t colon = source.find(':');
  const std::string kind = source.substr(0, colon);
  const std::string what = colon == std::string::npos ? "" : source.substr(colon + 1);
  if (kind == "seed") {
    uint64_t seed = 0;
    const auto [end, error] = std::from_chars(what.data(), what.data() + what.size(), seed);
    check(!what.empty() && error == std::errc() && end == what.data() + what.size(), assignment,
          ": a seed is a whole number of at least 0, got '", what, "'");
    return painter.seeded(seed, 1)[0];
  }
  check(kind == "grid", assignment, ": a face is seed:NUMBER or grid:LETTERS, got '", source, "'");
  if (!grid) grid = read_file_of_names(o.grid, painter);
  const latent::Latent* const z = grid->find(what);
  check(z != nullptr, assignment, ": ", o.grid, " has no picture '", what, "'; there are: ", grid->list());
  return *z;
}

void run(const NameOptions& o, const CLI::App& command) {
  const bool from_grid = std::any_of(o.faces.begin(), o.faces.end(), [](const std::string& assignment) {
    return assignment.find("=grid:") != std::string::npos;
  });
  refuse_idle(command, {{"--grid", !from_grid, "without a NAME=grid:LETTERS; give both, or neither"}});
  check(o.common.names.size() <= 1, "--names is given ", o.common.names.size(),
        " times: new names go to one file; give that alone");
  o.common.check_outputs({.adds_names = true});
  const latent::Painter painter = o.common.open_painter();
  latent::Names named(painter.z_dim());
  latent::Row row;
  std::optional<latent::Names> grid;
  for (const std::string& assignment : o.faces) {
    const size_t equals = assignment.find('=');
    check(equals != std::string::npos, "'", assignment, "': write NAME=seed:NUMBER or NAME=grid:LETTERS");
    const std::string name = assignment.substr(0, equals);
    latent::Latent z = find_face(o, assignment, assignment.substr(equals + 1), painter, grid);
    row.cells.push_back({name, painter.draw(z)});
    check(named.find(name) == nullptr, assignment, ": the name ", name, " is given twice");
    named.set(name, std::move(z));
  }
  add_names(named, o.common, painter);
  o.common.write({.rows = {row}}, named, painter);
}

}  // namespace

void add_latent_name(CLI::App& latent) {
  CLI::App* const command = add_command(latent, "name", "Give names to faces");
  const auto options = std::make_shared<NameOptions>();
  command
      ->add_option("FACE", options->faces,
                   "NAME=seed:N, the first picture of `sample --seed N`, or NAME=grid:B, picture B of a grid")
      ->required();
  command
      ->add_option("--grid", options->grid, "For grid:B: the names of the grid, as sample has written them")
      ->capture_default_str();
  options->common.add_to(*command, "named.png");
  command->callback([options, command] { run(*options, *command); });
}

}  // namespace duel::commands
