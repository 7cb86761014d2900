// dcgan latent: what can be done with the latent vectors of a trained generator
#include "apps/commands/commands.h"
#include "apps/commands/latent_options.h"

namespace duel::commands {

void add_latent(CLI::App& program) {
  CLI::App* const latent =
      add_command(program, "latent", "Name faces, compute with them, sweep, invert: the latent space");
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
  latent->footer(
      "Faces are called by names: sample prints letters on its grid and keeps their latents in "
      "samples.safetensors,\n"
      "latent name keeps others in names.safetensors. Both are read unless --names says otherwise:\n"
      "  dcgan sample --checkpoint runs/celeba32-1\n"
      "  dcgan latent name --checkpoint runs/celeba32-1 G=seed:17 D=grid:B\n"
      "  dcgan latent eval --checkpoint runs/celeba32-1 \"G + D\" \"abs(G - D)\" \"G * D\"\n"
      "  dcgan latent sweep --checkpoint runs/celeba32-1 --dim 28");
  latent->callback([latent] {
    if (latent->get_subcommands().empty()) throw CLI::RequiredError("A subcommand of latent");
  });
}

}  // namespace duel::commands
