// The program's command line as a whole.
#pragma once

#include <string>
#include <vector>

namespace duel::commands {

/// Runs the subcommand that the words after the program's name ask for. Returns the exit code: 0 on success,
/// 2 where the words are wrong and 1 where the work failed or stdout could not be written, with one line on
/// stderr that says why.
int run_program(std::vector<std::string> words);

}  // namespace duel::commands
