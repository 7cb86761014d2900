// The benchmarks of single operations and of whole iterations, on the CPU or on a card. Without options all
// of them; Google Benchmark's options hold, such as --benchmark_filter=conv2d and
// --benchmark_out=results.json. Ends with a failure if none fits the filter.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "apps/commands/options.h"
#include "benchmarks/bench.h"
#include "benchmarks/table_reporter.h"
#include "lib/error.h"
#include "lib/kernels.h"

namespace duel::bench {
namespace {

std::vector<std::string> head(const commands::MachineOptions& machine) {
  std::vector<std::string> lines{kernels(device()).description()};
  if (device() != Device{}) lines.push_back(machine.choices(device()));
  if (dry_run()) {
    lines.emplace_back("Dry run, every benchmark once on a picture or two: the times say nothing");
    return lines;
  }
  lines.emplace_back("Peaks measured now:");
  for (const std::string& line : describe_peaks(device())) lines.push_back(line);
  lines.emplace_back("roof%: of the time, the share that the work must take at these peaks");
  return lines;
}

int run(int argc, char** argv) {
  CLI::App program("Benchmarks of single operations and of whole iterations");
  program.footer("Google Benchmark's options hold as well, such as --benchmark_filter=conv2d.");
  program.allow_extras();
  commands::MachineOptions machine;
  machine.add_to(program);
  bool dry = false;
  program.add_flag("--dry-run", dry, "Start every benchmark once, on a picture or two: does it run?");
  CLI11_PARSE(program, argc, argv);
  set_device(machine.apply());
  set_dry_run(dry);

  // Of the time of a single call. A card is waited for twenty times as long (measure() in bench.h).
  std::vector<std::string> words{argv[0],
                                 concat("--benchmark_min_time=", device() == Device{} ? 0.05 : 0.0025)};
  for (const std::string& word : program.remaining()) words.push_back(word);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return EXIT_FAILURE;
  add_conv2d_benchmarks();
  add_linear_benchmarks();
  add_batch_norm_benchmarks();
  add_elementwise_benchmarks();
  add_optimizer_benchmarks();
  add_iteration_benchmarks();
  benchmark::AddCustomContext("description", kernels(device()).description());
  if (!dry) {
    benchmark::AddCustomContext("peak_gflops", std::to_string(peaks(device()).multiply_add));
    benchmark::AddCustomContext("peak_gb_per_second", std::to_string(peaks(device()).copy));
  }
  TableReporter reporter(head(machine));
  const size_t started = benchmark::RunSpecifiedBenchmarks(&reporter);
  benchmark::Shutdown();
  return started > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace duel::bench

int main(int argc, char** argv) {
  try {
    return duel::bench::run(argc, argv);
  } catch (const duel::Error& error) {
    std::cerr << "duel_bench: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
