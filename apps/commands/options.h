// Options that several commands share.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "apps/gan/config.h"
#include "lib/device.h"
#include "lib/kernels.h"

namespace duel::commands {

/// Adds a subcommand to the program, or to a command. Where CLI::App::add_subcommand() is called, the
/// compiler writes out most of CLI11 once more: so in one file only.
CLI::App* add_command(CLI::App& program, const char* name, const char* description);

/// --device, --threads, --conv and --precision.
struct MachineOptions {
  std::string device = "auto";
  int threads = 0;
  std::string conv = "auto";
  std::string precision = "auto";
  /// No option: whether the numbers are those of training, for which --precision auto takes the fastest whose
  /// losses keep their course; all others it takes in float32.
  bool training = false;

  void add_to(CLI::App& command);
  /// Sets the number of threads, the algorithm of the convolutions and the precision, and finds the device.
  /// Throws Error where one of them cannot be had.
  Device apply() const;
  /// The precision on a device, which is not "auto".
  std::string precision_on(Device chosen) const;
  /// What apply() chose, for people: "products in fp32, convolutions by im2col".
  std::string choices(Device chosen) const;

 private:
  ConvAlgorithm algorithm(Device chosen) const;
};

/// The options that a command has so far, --help left out.
std::vector<CLI::Option*> options_of(CLI::App& command);

/// For an option that takes one text each time it is given: in its help CLI11 would write "TEXT ...", as if
/// several could follow it.
CLI::Option* one_each_time(CLI::Option* option);

/// What an option's whole number must be; CLI11's own NonNegativeNumber names a bound of 300 digits.
CLI::Validator at_least(int64_t least, int64_t most = std::numeric_limits<int64_t>::max());

/// The number that `text` is, or nothing.
std::optional<double> as_number(const std::string& text);

/// What an option's number must be: from `least` to `most`, or greater than 0.
CLI::Validator number_within(double least, double most);
CLI::Validator positive_number();

/// What a path must be that a run keeps in its files, which are UTF-8: else what is read back leads nowhere.
CLI::Validator utf8_path();

/// Makes every option of a command and of its subcommands refuse what no option of its type can mean: an
/// empty text, which would be taken for an option that was left out; a whole number that its type cannot
/// hold, which CLI11 would cut off in silence; a number that is not finite, or not in single precision. To be
/// called when all options have been added.
void check_all_values(CLI::App& command);

/// An option that does nothing beside the others, if `when`: as far as what has been typed and read says.
struct Idle {
  std::string option;
  bool when;
  std::string why;  ///< follows "has no effect": with which other option, or without which, and what to do
};

/// Throws CLI's error for the first of them that was given, whose giver expects more than would come. What a
/// recipe or a resumed run brings is not given.
void refuse_idle(const CLI::App& command, const std::vector<Idle>& options);

/// Each of `others` beside `option`, where that was given. Unlike CLI11's excludes() they fill no help.
std::vector<Idle> idle_beside(const CLI::App& command, const char* option,
                              const std::vector<CLI::Option*>& others);

/// --recipe and the numbers of the networks. To be added before other options that change `config`: the
/// recipe replaces all of it.
void add_network_options(CLI::App& command, gan::Config& config);

/// Of these, the numbers that no layer of the recipe uses.
std::vector<Idle> idle_network_options(const gan::Config& config);

}  // namespace duel::commands
