// dcgan latent average
#include <memory>

#include "apps/commands/latent_options.h"
#include "apps/latent/sweep.h"
#include "lib/error.h"

namespace duel::commands {
namespace {

struct AverageOptions {
  LatentOptions common;
  std::string values = "-1,-0.8,-0.6,-0.4,-0.2,0,0.2,0.4,0.6,0.8,1";
};

void run(const AverageOptions& o) {
  const std::vector<double> values = latent::parse_numbers("--values", o.values);
  o.common.check_outputs();
  const latent::Painter painter = o.common.open_painter();
  latent::Row row;
  latent::Names shown(painter.z_dim());
  for (size_t i = 0; i < values.size(); ++i) {
    const latent::Latent z(static_cast<size_t>(painter.z_dim()), static_cast<float>(values[i]));
    row.cells.push_back({latent::figure_number(values[i]), painter.draw(z)});
    shown.set(concat("average_", i + 1), z);
  }
  o.common.write({.rows = {row}}, shown, painter);
}

}  // namespace

void add_latent_average(CLI::App& latent) {
  CLI::App* const command =
      add_command(latent, "average", "Average faces: all components of z have one value");
  const auto options = std::make_shared<AverageOptions>();
  command->add_option("--values", options->values, "The values, a picture for each")->capture_default_str();
  options->common.add_to(*command, "average.png", false);
  command->callback([options] { run(*options); });
}

}  // namespace duel::commands
