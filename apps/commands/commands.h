// The subcommands of dcgan: each adds itself, with its options, to the program's command line.
#pragma once

#include <CLI/CLI.hpp>

namespace duel::commands {

void add_train(CLI::App& program);
void add_sample(CLI::App& program);
void add_latent(CLI::App& program);
void add_info(CLI::App& program);
void add_evaluate(CLI::App& program);
void add_lab(CLI::App& program);
void add_report(CLI::App& program);
void add_gradcheck(CLI::App& program);

/// Thrown by a command that has said all there is to say and sets the exit code.
struct Exit {
  int code;
};

}  // namespace duel::commands
