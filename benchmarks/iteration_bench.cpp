// Whole training iterations of celeba32: speed, its split by phase, memory, scaling with the threads.
#include <omp.h>

#include <cctype>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "benchmarks/bench.h"
#include "benchmarks/heap_counter.h"
#include "benchmarks/training_iteration.h"
#include "lib/allocator.h"
#include "lib/error.h"
#include "lib/kernels.h"
#include "lib/profile.h"
#include "ops/cpu/cpu_kernels.h"
#include "tests/with_conv_algorithm.h"

namespace duel::bench {
namespace {

struct Case {
  int64_t batch_size, image_size;
  int threads;
  ConvAlgorithm algorithm;
  bool step_graphs = true;
};

class WithThreads {
 public:
  explicit WithThreads(int threads) : before_(omp_get_max_threads()) { cpu::set_threads(threads); }
  ~WithThreads() { cpu::set_threads(before_); }
  WithThreads(const WithThreads&) = delete;
  WithThreads& operator=(const WithThreads&) = delete;

 private:
  int before_;
};

/// Milliseconds of each phase in one iteration, as "ms D real".
void report_phases(benchmark::State& state, TrainingIteration& iteration) {
  if (device() != Device{}) return;  // what is replayed has no phases
  constexpr int count = 3;
  const Profile profile;
  for (int i = 0; i < count; ++i) iteration.run();
  for (const Profile::PhaseTotal& phase : profile.phases())
    state.counters["ms " + phase.name] = 1e3 * phase.seconds / count;
}

/// Images a second with one thread, by what else tells cases apart.
std::map<std::string, double>& one_thread_rates() {
  static std::map<std::string, double> rates;
  return rates;
}

std::string name_without_threads(const Case& c) {
  return concat("iteration/", c.image_size, 'x', c.image_size, "/batch:", c.batch_size, '/',
                conv_algorithm_name(c.algorithm), c.step_graphs ? "" : "/uncaptured");
}

/// How long one case is measured, in one stretch: the device may be iterations behind the host, which only
/// the end of a stretch waits for.
double least_seconds() { return device() == Device{} ? 1 : 0.3; }

void run(benchmark::State& state, const Case& c) {
  const WithThreads threads(c.threads);
  const WithConvAlgorithm algorithm(c.algorithm, device());
  kernels(device()).allocator().trim();
  gan::Config config;
  config.batch_size = c.batch_size;
  config.image_size = c.image_size;
  TrainingIteration iteration(config, device(), c.step_graphs);
  for (int warm_up = 0; warm_up < 3; ++warm_up) iteration.run();
  iteration.finish();

  const int64_t asked_before = kernels(device()).allocator().stats().system_allocations;
  const int64_t kept_before = kept_bytes(device());
  const HeapUse heap_before = heap_use();
  TrainingIteration::Stretch stretch{};
  for (auto _ : state) {
    stretch = iteration.run_for(dry_run() ? 0 : least_seconds());
    state.SetIterationTime(stretch.seconds / static_cast<double>(stretch.iterations));
  }
  const auto iterations = static_cast<double>(stretch.iterations);
  const HeapUse heap_after = heap_use();

  report(state, {iteration.flops(), 0}, iterations, stretch.seconds);
  state.counters.erase("GB/s");
  const double rate = static_cast<double>(c.batch_size) * iterations / stretch.seconds;
  state.counters["images/s"] = rate;
  state.counters["allocations"] =
      static_cast<double>(kernels(device()).allocator().stats().system_allocations - asked_before);
  state.counters["MB grown"] = 1e-6 * static_cast<double>(kept_bytes(device()) - kept_before);
  state.counters["news"] = static_cast<double>(heap_after.allocations - heap_before.allocations) / iterations;
  state.counters["MB"] = 1e-6 * static_cast<double>(kept_bytes(device()));
  const std::string name = name_without_threads(c);
  if (c.threads == 1) one_thread_rates()[name] = rate;
  if (c.threads > 1 && one_thread_rates().contains(name))
    state.counters["speedup"] = rate / one_thread_rates()[name];
  report_phases(state, iteration);
}

std::vector<Case> cpu_cases() {
  const int all = omp_get_max_threads();
  std::vector<Case> cases;
  if (all > 1) cases.push_back({256, 32, 1, ConvAlgorithm::Filtered});
  for (const int64_t batch_size : {256, 128, 64, 32})
    cases.push_back({batch_size, 32, all, ConvAlgorithm::Filtered});
  cases.push_back({64, 64, all, ConvAlgorithm::Filtered});
  cases.push_back({256, 32, all, ConvAlgorithm::Implicit});
  cases.push_back({256, 32, all, ConvAlgorithm::Im2col});
  return cases;
}

std::vector<Case> card_cases() {
  const int all = omp_get_max_threads();
  std::vector<Case> cases;
  for (const ConvAlgorithm algorithm : {ConvAlgorithm::Implicit, ConvAlgorithm::Im2col}) {
    for (const int64_t image_size : {32, 64}) {
      for (const int64_t batch_size : {64, 128, 256, 512, 1024})
        cases.push_back({batch_size, image_size, all, algorithm});
    }
    cases.push_back({256, 32, all, algorithm, false});
  }
  return cases;
}

}  // namespace

void add_iteration_benchmarks() {
  const bool card = device() != Device{};
  std::set<std::string> names;  // a dry run makes some the same
  for (Case c : card ? card_cases() : cpu_cases()) {
    if (dry_run()) c.batch_size = 2;  // the fewest that batch norm takes
    std::string name = name_without_threads(c);
    if (!card) name += concat("/threads:", c.threads);
    if (!names.insert(name).second) continue;
    add(name, [c](benchmark::State& state) { run(state, c); })->Iterations(1);
  }
}

}  // namespace duel::bench
