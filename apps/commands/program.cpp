#include "apps/commands/program.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <iostream>

#include "apps/commands/commands.h"
#include "apps/commands/latent_options.h"

namespace duel::commands {

int run_program(std::vector<std::string> words) {
  CLI::App program("Train a deep convolutional GAN on pictures of faces, and draw new ones with it.",
                   "dcgan");
  program.require_subcommand(0, 1);  // that there is none is seen below, after words that are no subcommand
  program.set_version_flag("--version", "dcgan " DUEL_VERSION, "Print the version and exit");
  program.set_help_all_flag("--help-all", "Show the help of all subcommands");
  add_train(program);
  add_sample(program);
  add_latent(program);
  add_info(program);
  add_evaluate(program);
  add_lab(program);
  add_report(program);
  add_gradcheck(program);
  try {
    words = with_expressions_marked(program, std::move(words));
    std::reverse(words.begin(), words.end());  // the order that parse() wants
    program.parse(std::move(words));
    if (program.get_subcommands().empty()) throw CLI::RequiredError("A subcommand");
    return 0;
  } catch (const Exit& exit) {
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

}  // namespace duel::commands
