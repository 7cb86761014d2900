#include "apps/commands/program.h"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>
#include <string_view>
#include <utility>

#include "apps/commands/commands.h"
#include "apps/commands/latent_options.h"
#include "apps/commands/options.h"
#include "lib/allocator.h"
#include "lib/io/image.h"
#include "lib/quote.h"

namespace duel::commands {
namespace {

/// The first file that the program opens would otherwise take the number of a stream that is closed, and have
/// written into it what is meant for that stream. What stands here instead can be neither read nor written.
void occupy_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) != -1) continue;
    // The lowest free number is this one, as those below are taken.
    static_cast<void>(::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY));
  }
}

/// Whether all that was printed has reached stdout.
bool is_printed() {
  std::cout.flush();
  return std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good();
}

/// CLI11's message, put plainly where its own leaves open what is wrong.
std::string complaint(const CLI::ParseError& error, const CLI::App& program) {
  const std::string message = error.what();
  const auto option = message.substr(0, message.find(':'));
  if (dynamic_cast<const CLI::ExtrasError*>(&error)) {
    std::string extras;  // in the order in which they were given, which CLI11 turns around
    for (const std::string& word : program.remaining(true)) extras += concat(extras.empty() ? "" : " ", word);
    return concat("there is no such option or argument: ", extras);
  }
  // Of a flag: what is wrong with a number is said before it is converted.
  if (constexpr std::string_view start = "Could not convert: "; message.starts_with(start)) {
    const std::string rest = message.substr(start.size());
    const size_t equals = rest.find(" = ");
    if (equals == rest.npos) return message;
    return concat(rest.substr(0, equals), " takes no value, got '", rest.substr(equals + 3), "'");
  }
  if (constexpr std::string_view between = " excludes "; dynamic_cast<const CLI::ExcludesError*>(&error)) {
    const size_t at = message.find(between);
    return concat(message.substr(0, at), " cannot be given with ", message.substr(at + between.size()),
                  "; leave one of them out");
  }
  if (constexpr std::string_view between = " requires "; dynamic_cast<const CLI::RequiresError*>(&error)) {
    const size_t at = message.find(between);
    return concat(message.substr(0, at), " has no effect without ", message.substr(at + between.size()),
                  "; give both, or neither");
  }
  if (CLI::detail::to_lower(message).find("at most 1 required") != message.npos)
    return option + " is given more than once";
  if (message.ends_with(" missing") && message.find("1 required") != message.npos)
    return option + " needs a value";
  return message;
}

/// Whether the command that was given has the option.
bool has_option(const CLI::App& program, const char* option) {
  const CLI::App* command = &program;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return command->get_option_no_throw(option) != nullptr;
}

/// What the command would need less memory for, with the options for it; "" where it has none.
std::string what_needs_less(const CLI::App& program) {
  const bool batches = has_option(program, "--batch-size");
  if (has_option(program, "--count"))
    return batches ? "smaller batches or fewer pictures need less (--batch-size, --count)"
                   : "fewer pictures need less (--count)";
  if (has_option(program, "--restarts")) return "fewer descents need less (--restarts)";
  return batches ? "smaller batches need less (--batch-size)" : "";
}

/// The message of an error with the options that do what it advises, if the command has them: the library,
/// whose message it is, knows none.
std::string advised(const std::exception& error, const CLI::App& program) {
  const std::string message = error.what();
  if (dynamic_cast<const OutOfMemory*>(&error)) {
    constexpr std::string_view general = "smaller batches need less";
    const std::string advice = what_needs_less(program);
    if (advice.empty() || !message.ends_with(general)) return message;
    return message.substr(0, message.size() - general.size()) + advice;
  }
  if (dynamic_cast<const TooSmall*>(&error) && has_option(program, "--crop")) return message + " (--crop)";
  return message;
}

/// Runs the program; returns the exit code.
int run_words(std::vector<std::string> words) {
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
  check_all_values(program);
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
    std::cerr << "dcgan: " << printable(complaint(error, program)) << " (see --help)" << std::endl;
    return 2;
  } catch (const std::bad_alloc&) {
    const std::string advice = has_option(program, "--count") ? what_needs_less(program) : "";
    std::cerr << "dcgan: the machine's memory is used up; "
              << (advice.empty() ? "smaller batches or smaller networks need less" : advice) << std::endl;
    return 1;
  } catch (const std::filesystem::filesystem_error& error) {  // what a path leads to cannot be asked
    std::cerr << "dcgan: " << printable(error.path1().string() + ": " + error.code().message()) << std::endl;
    return 1;
  } catch (const std::exception& error) {
    std::cerr << "dcgan: " << printable(advised(error, program)) << std::endl;
    return 1;
  }
}

}  // namespace

int run_program(std::vector<std::string> words) {
  occupy_closed_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a file that grows beyond the limit is an error of write() like any other
  const int code = run_words(std::move(words));
  if (code != 0 || is_printed()) return code;
  std::cerr
      << "dcgan: stdout could not be written, so that what was printed is incomplete: see whether it is "
         "closed, or its disk full"
      << std::endl;
  return 1;
}

}  // namespace duel::commands
