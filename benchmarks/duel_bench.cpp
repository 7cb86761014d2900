// The benchmarks of single operations and of whole iterations. Without options all of them; Google
// Benchmark's options hold, such as --benchmark_filter=conv2d and --benchmark_out=results.json.
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "benchmarks/bench.h"
#include "benchmarks/table_reporter.h"
#include "lib/error.h"
#include "lib/kernels.h"

namespace duel::bench {
namespace {

std::vector<std::string> head() {
  std::vector<std::string> lines = describe_peaks();
  lines.insert(lines.begin(), {kernels({}).description(), "Peaks measured now:"});
  lines.emplace_back("roof%: of the time, the share that the work must take at these peaks");
  return lines;
}

int run(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  char min_time[] = "--benchmark_min_time=0.05";
  arguments.insert(arguments.begin() + 1, min_time);
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return EXIT_FAILURE;
  add_conv2d_benchmarks();
  add_linear_benchmarks();
  add_batch_norm_benchmarks();
  add_elementwise_benchmarks();
  add_optimizer_benchmarks();
  add_iteration_benchmarks();
  benchmark::AddCustomContext("description", kernels({}).description());
  benchmark::AddCustomContext("peak_gflops", std::to_string(peaks().multiply_add));
  benchmark::AddCustomContext("peak_gb_per_second", std::to_string(peaks().copy));
  TableReporter reporter(head());
  benchmark::RunSpecifiedBenchmarks(&reporter);
  benchmark::Shutdown();
  return EXIT_SUCCESS;
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
