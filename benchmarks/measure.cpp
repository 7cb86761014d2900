// Measures this machine's peaks, or whole training iterations, in a process of their own; the result is JSON
// on standard output, one object a line. make bench-peers runs it beside other programs.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "apps/commands/options.h"
#include "benchmarks/peaks.h"
#include "benchmarks/training_iteration.h"
#include "lib/error.h"
#include "lib/kernels.h"

namespace duel::bench {
namespace {

using Json = nlohmann::ordered_json;

#if defined(__clang__)
constexpr const char* compiler = __VERSION__;
#else
constexpr const char* compiler = "g++ " __VERSION__;
#endif

struct IterationOptions {
  gan::Config config;
  commands::MachineOptions machine;
  double seconds = 3;
  bool serve = false;
};

Json timed(TrainingIteration& iteration, double seconds) {
  const TrainingIteration::Stretch stretch = iteration.run_for(seconds);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const int64_t images = stretch.iterations * iteration.trainer().config().batch_size;
  return {{"iterations", stretch.iterations},
          {"images_per_second", static_cast<double>(images) / stretch.seconds},
          {"peak_rss_mb", static_cast<double>(usage.ru_maxrss) * 1024e-6}};
}

void run_iterations(const IterationOptions& o) {
  gan::check_config(o.config);
  const Device device = o.machine.apply();
  TrainingIteration iteration(o.config, device);
  constexpr double warm_up_seconds = 1;
  iteration.run_for(warm_up_seconds);
  const Json ready{{"description", kernels(device).description()},
                   {"gflop_per_image", 1e-9 * iteration.flops() / static_cast<double>(o.config.batch_size)}};
  if (!o.serve) {
    Json result = ready;
    result.update(timed(iteration, o.seconds));
    std::cout << result << std::endl;
    return;
  }
  std::cout << ready << std::endl;
  for (double seconds = 0; std::cin >> seconds;) std::cout << timed(iteration, seconds) << std::endl;
}

void run_peaks(const commands::MachineOptions& machine) {
  machine.apply();
  const Peaks& found = peaks();
  std::cout << Json{{"instruction_set", isa_name(cpu::active_isa())},
                    {"multiply_add_gflops", found.multiply_add},
                    {"copy_gb_per_second", found.copy},
                    {"compiler", compiler}}
            << std::endl;
}

int run(int argc, char** argv) {
  CLI::App program("Measures the machine's peaks or training iterations; prints JSON");
  program.require_subcommand(1);

  commands::MachineOptions machine;
  CLI::App* const peaks_command = program.add_subcommand("peaks", "Multiply-adds and memory copies");
  machine.add_to(*peaks_command);
  peaks_command->callback([&] { run_peaks(machine); });

  IterationOptions o;
  CLI::App* const iteration_command =
      program.add_subcommand("iteration", "Training iterations of the recipe celeba32");
  commands::add_network_options(*iteration_command, o.config);
  o.machine.add_to(*iteration_command);
  iteration_command->add_option("--batch-size", o.config.batch_size, "Pictures per iteration")
      ->capture_default_str();
  iteration_command->add_option("--seconds", o.seconds, "How long to measure")->capture_default_str();
  iteration_command->add_flag("--serve", o.serve,
                              "Measure once for each line of standard input, which gives the seconds");
  iteration_command->callback([&] { run_iterations(o); });

  CLI11_PARSE(program, argc, argv);
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace duel::bench

int main(int argc, char** argv) {
  try {
    return duel::bench::run(argc, argv);
  } catch (const duel::Error& error) {
    std::cerr << "duel_measure: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
