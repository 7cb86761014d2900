// dcgan latent: what can be done with the latent vectors of a trained generator
#include "apps/commands/commands.h"
#include "apps/commands/latent_options.h"

namespace duel::commands {

void add_latent(CLI::App& program) {
  CLI::App* const latent =
      program.add_subcommand("latent", "Name faces, compute with them, sweep, invert: the latent space");
  latent->require_subcommand(0, 1);  // that there is none is seen below, after words that are no subcommand
  add_latent_name(*latent);
  add_latent_eval(*latent);
  add_latent_sweep(*latent);
  add_latent_average(*latent);
  add_latent_interpolate(*latent);
  add_latent_invert(*latent);
  add_latent_nearest(*latent);
  add_latent_direction(*latent);
  add_latent_factors(*latent);
  latent->callback([latent] {
    if (latent->get_subcommands().empty()) throw CLI::RequiredError("A subcommand of latent");
  });
}

}  // namespace duel::commands
