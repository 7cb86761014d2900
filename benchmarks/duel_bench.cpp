// The benchmarks of single operations and of whole iterations. Without options all of them; those of Google
// Benchmark hold: --benchmark_filter=conv2d, --benchmark_format=json, ...
#include <cstdlib>
#include <iostream>
#include <vector>

#include "benchmarks/bench.h"
#include "lib/error.h"
#include "lib/kernels.h"

namespace duel::bench {
namespace {

void add_context() {
  benchmark::AddCustomContext("duel", kernels({}).description());
  const auto lines = describe_peaks();
  for (size_t i = 0; i < lines.size(); ++i) benchmark::AddCustomContext(concat("peak ", i + 1), lines[i]);
  benchmark::AddCustomContext("roof%", "share of the time that the work must take at these peaks");
}

int run(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  char tabular[] = "--benchmark_counters_tabular=true";
  arguments.insert(arguments.begin() + 1, tabular);
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return EXIT_FAILURE;
  add_context();
  add_conv2d_benchmarks();
  add_linear_benchmarks();
  add_batch_norm_benchmarks();
  add_elementwise_benchmarks();
  add_optimizer_benchmarks();
  add_iteration_benchmarks();
  benchmark::RunSpecifiedBenchmarks();
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
