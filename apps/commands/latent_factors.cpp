// dcgan latent factors
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <memory>

#include "apps/commands/latent_options.h"
#include "apps/gan/pictures.h"
#include "apps/latent/directions.h"
#include "apps/latent/factors.h"
#include "apps/latent/sweep.h"
#include "lib/error.h"
#include "lib/io/file.h"

namespace duel::commands {
namespace {

// With fewer, chance alone would reach correlations near 1.
constexpr int fewest_people = 32;

struct FactorsOptions {
  LatentOptions common;
  latent::InversionOptions search{.steps = 200};
  int64_t count = 512, top = 8;
  std::string values = "-1,-0.5,0,0.5,1";
};

std::string signed_number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%+.2f", x);
  return text;
}

/// A line for each factor with its three strongest components.
std::string table(const std::vector<latent::FactorCorrelation>& correlations) {
  std::string text = "factor                strongest components, with their correlation\n";
  for (const latent::FactorCorrelation& correlation : correlations) {
    text += correlation.factor + std::string(22 - std::min<size_t>(21, correlation.factor.size()), ' ');
    const std::vector<size_t> ranked = correlation.ranked();
    for (size_t i = 0; i < std::min<size_t>(3, ranked.size()); ++i)
      text += concat(i ? ", " : "", ranked[i], " (", signed_number(correlation.r[ranked[i]]), ")");
    text += "\n";
  }
  return text;
}

std::string csv(const std::vector<latent::FactorCorrelation>& correlations) {
  std::string text = "factor";
  for (size_t i = 0; i < correlations[0].r.size(); ++i) text += concat(",", i);
  for (const latent::FactorCorrelation& correlation : correlations) {
    text += "\n" + correlation.factor;
    for (const double r : correlation.r) text += concat(",", r);
  }
  return text + "\n";
}

/// What chance alone reaches. A factor's strongest correlation is the greatest of one for each component: it
/// is judged by the bound that all of them keep (Bonferroni).
std::string chance(int64_t count, int64_t z_dim) {
  const auto bound = [count](double share) {
    return latent::figure_number(latent::normal_quantile(share) / std::sqrt(static_cast<double>(count)));
  };
  return concat("Where nothing is related, 95 of 100 correlations lie within ", bound(0.975),
                " of 0; the strongest of a factor's ", z_dim, " does so within ",
                bound(1 - 0.025 / static_cast<double>(z_dim)));
}

/// The strongest factors' strongest components, each swept around z = 0.
latent::Sheet figure(const FactorsOptions& o, const std::vector<double>& values,
                     const std::vector<latent::FactorCorrelation>& correlations, latent::Names& shown,
                     const latent::Painter& painter) {
  latent::Sheet sheet;
  for (const double value : values) sheet.columns.push_back(latent::figure_number(value));
  const latent::Latent middle(static_cast<size_t>(painter.z_dim()), 0.0f);
  for (size_t i = 0; i < std::min(correlations.size(), static_cast<size_t>(o.top)); ++i) {
    const size_t component = correlations[i].ranked()[0];
    latent::Row row{concat(correlations[i].factor, ": ", component, " (",
                           signed_number(correlations[i].r[component]), ")"),
                    {}};
    const auto faces = latent::sweep(middle, static_cast<int64_t>(component), values);
    for (size_t j = 0; j < faces.size(); ++j) {
      row.cells.push_back({"", painter.draw(faces[j])});
      shown.set(concat("r", i + 1, "c", j + 1), faces[j]);
    }
    sheet.rows.push_back(std::move(row));
  }
  return sheet;
}

void run(FactorsOptions& o) {
  const std::filesystem::path csv_path = o.common.beside(".csv");
  const std::vector<double> values = latent::parse_numbers("--values", o.values);
  o.common.check_outputs({.outputs = {{"the correlations beside --output", csv_path}}});
  const latent::Painter painter = o.common.open_painter();
  const gan::Config& config = painter.config();
  check(config.data == "synthetic", painter.checkpoint().string(), " was trained on ", config.data,
        "; factors are known of the synthetic set alone");
  check(o.count <= config.synthetic_count, "--count ", o.count, " is more than the ",
        counted(config.synthetic_count, "picture"), " of the synthetic set");
  const SyntheticFaces set(o.count, config.image_size, config.channels, config.seed);
  std::vector<FaceFactors> people;
  std::vector<Image> pictures;
  for (int64_t i = 0; i < o.count; ++i) {
    people.push_back(set.factors(i));
    pictures.push_back(gan::picture_of(set, i));
  }
  o.search.bound = painter.usual_bound();
  const latent::Inverted inverted =
      latent::invert_all(painter, pictures, o.search, [&](int64_t done, int64_t step) {
        show_progress(concat(done, " of ", o.count, " pictures found, step ", step, " of ", o.search.steps));
      });
  end_progress();
  const auto correlations = latent::correlate(people, inverted.faces);
  std::cout << counted(o.count, "picture") << " of the set, found to within "
            << latent::figure_number(inverted.error) << " grey levels\n"
            << table(correlations) << chance(o.count, painter.z_dim()) << std::endl;
  // Before the figure, which may still fail: they took long.
  write_file_atomically(csv_path, csv(correlations));
  std::cout << "All correlations are in " << csv_path.string() << std::endl;
  latent::Names shown(painter.z_dim());
  const latent::Sheet sheet = figure(o, values, correlations, shown, painter);
  o.common.write(sheet, shown, painter);
}

}  // namespace

void add_latent_factors(CLI::App& latent) {
  CLI::App* const command =
      add_command(latent, "factors", "Which components of z carry which known factor of the synthetic set");
  const auto options = std::make_shared<FactorsOptions>();
  FactorsOptions& o = *options;
  command->add_option("--count", o.count, "Pictures of the set that are inverted and correlated")
      ->capture_default_str()
      ->check(at_least(fewest_people, 1000000));
  command->add_option("--steps", o.search.steps, "Steps of each inversion")
      ->capture_default_str()
      ->check(at_least(1));
  command->add_option("--top", o.top, "How many factors the figure shows")
      ->capture_default_str()
      ->check(at_least(1));
  command->add_option("--values", o.values, "The values of their strongest components, a column for each")
      ->capture_default_str();
  o.common.add_to(*command, "factors.png", false);
  command->callback([options] { run(*options); });
}

}  // namespace duel::commands
