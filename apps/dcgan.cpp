// dcgan: train a deep convolutional generative adversarial network on pictures, and draw new ones with it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <iostream>

#include "apps/commands/commands.h"
#include "apps/commands/latent_options.h"

int main(int argc, char** argv) {
  CLI::App program("Train a deep convolutional GAN on pictures of faces, and draw new ones with it.",
                   "dcgan");
  program.require_subcommand(0, 1);  // that there is none is seen below, after words that are no subcommand
  program.set_version_flag("--version", "dcgan " DUEL_VERSION, "Print the version and exit");
  program.set_help_all_flag("--help-all", "Show the help of all subcommands");
  duel::commands::add_train(program);
  duel::commands::add_sample(program);
  duel::commands::add_latent(program);
  duel::commands::add_info(program);
  duel::commands::add_evaluate(program);
  duel::commands::add_lab(program);
  duel::commands::add_report(program);
  duel::commands::add_gradcheck(program);
  try {
    std::vector<std::string> words =
        duel::commands::with_expressions_marked(program, {argv + 1, argv + argc});
    std::reverse(words.begin(), words.end());  // the order that parse() wants
    program.parse(std::move(words));
    if (program.get_subcommands().empty()) throw CLI::RequiredError("A subcommand");
    return 0;
  } catch (const duel::commands::Exit& exit) {
    return exit.code;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.exit(error);  // --help
    std::cerr << "dcgan: " << error.what() << " (see --help)" << std::endl;
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "dcgan: " << error.what() << std::endl;
    return 1;
  }
}
