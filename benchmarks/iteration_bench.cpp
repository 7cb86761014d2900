// Whole training iterations of celeba32: speed, its split by phase, memory, scaling with the threads.
#include <omp.h>

#include <cctype>
#include <chrono>
#include <map>

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
                conv_algorithm_name(c.algorithm));
}

void run(benchmark::State& state, const Case& c) {
  const WithThreads threads(c.threads);
  const WithConvAlgorithm algorithm(c.algorithm);
  kernels({}).allocator().trim();
  gan::Config config;
  config.batch_size = c.batch_size;
  config.image_size = c.image_size;
  TrainingIteration iteration(config);
  for (int warm_up = 0; warm_up < 3; ++warm_up) iteration.run();

  const int64_t asked_before = kernels({}).allocator().stats().system_allocations;
  const int64_t kept_before = kept_bytes();
  const HeapUse heap_before = heap_use();
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) iteration.run();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto iterations = static_cast<double>(state.iterations());
  const HeapUse heap_after = heap_use();

  report(state, {iteration.flops(), 0}, iterations, seconds);
  state.counters.erase("GB/s");
  const double rate = static_cast<double>(c.batch_size) * iterations / seconds;
  state.counters["images/s"] = rate;
  state.counters["allocations"] =
      static_cast<double>(kernels({}).allocator().stats().system_allocations - asked_before);
  state.counters["MB grown"] = 1e-6 * static_cast<double>(kept_bytes() - kept_before);
  state.counters["news"] = static_cast<double>(heap_after.allocations - heap_before.allocations) / iterations;
  state.counters["MB"] = 1e-6 * static_cast<double>(kept_bytes());
  const std::string name = name_without_threads(c);
  if (c.threads == 1) one_thread_rates()[name] = rate;
  if (c.threads > 1 && one_thread_rates().contains(name))
    state.counters["speedup"] = rate / one_thread_rates()[name];
  report_phases(state, iteration);
}

}  // namespace

void add_iteration_benchmarks() {
  constexpr double least_seconds = 1;
  const int all = omp_get_max_threads();
  std::vector<Case> cases;
  if (all > 1) cases.push_back({256, 32, 1, ConvAlgorithm::Filtered});
  for (const int64_t batch_size : {256, 128, 64, 32})
    cases.push_back({batch_size, 32, all, ConvAlgorithm::Filtered});
  cases.push_back({64, 64, all, ConvAlgorithm::Filtered});
  cases.push_back({256, 32, all, ConvAlgorithm::Implicit});
  cases.push_back({256, 32, all, ConvAlgorithm::Im2col});
  for (const Case& c : cases) {
    add(concat(name_without_threads(c), "/threads:", c.threads), [c](benchmark::State& state) {
      run(state, c);
    })->MinTime(least_seconds);
  }
}

}  // namespace duel::bench
