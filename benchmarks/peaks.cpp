#include "benchmarks/peaks.h"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <set>

#include "benchmarks/multiply_add_loop.h"
#include "lib/error.h"

namespace duel::bench {
namespace {

constexpr int repetitions = 8;

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The shortest time that `threads` threads took for body(thread), which each runs once.
template <class Body>
double shortest(int threads, const Body& body) {
  double best = 1e9;
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    double start = 0, end = 0;
#pragma omp parallel num_threads(threads)
    {
#pragma omp barrier
#pragma omp master
      start = seconds_now();
      body(omp_get_thread_num());
#pragma omp barrier
#pragma omp master
      end = seconds_now();
    }
    best = std::min(best, end - start);
  }
  return best;
}

struct Loop {
  float (*run)(int64_t steps);
  int lanes;
};

Loop loop_of(cpu::Isa isa) {
#if defined(__x86_64__)
  if (isa >= cpu::Isa::Avx512) return {multiply_add_avx512, 16};
  if (isa == cpu::Isa::Avx2) return {multiply_add_avx2, 8};
#endif
  check(isa == cpu::Isa::Portable, "no loop measures ", isa_name(isa), " here");
  return {multiply_add_portable, 4};
}

}  // namespace

double multiply_add_peak(cpu::Isa isa, int threads) {
  const Loop loop = loop_of(isa);
  constexpr int64_t steps = 10'000'000;
  const double seconds = shortest(threads, [&](int) {
    const volatile float kept_from_removal = loop.run(steps);
    static_cast<void>(kept_from_removal);
  });
  return 2e-9 * static_cast<double>(steps * multiply_add_chains * loop.lanes * threads) / seconds;
}

double copy_peak(int threads) {
  constexpr size_t bytes = size_t{192} << 20;
  const auto source = std::make_unique<char[]>(bytes);
  const auto target = std::make_unique_for_overwrite<char[]>(bytes);
  const size_t share = bytes / static_cast<size_t>(threads);
  const double seconds = shortest(threads, [&](int thread) {
    const size_t first = static_cast<size_t>(thread) * share;
    std::memcpy(target.get() + first, source.get() + first, share);
  });
  return 2e-9 * static_cast<double>(share * static_cast<size_t>(threads)) / seconds;
}

const Peaks& peaks() {
  static std::map<int, Peaks> of_threads;
  const int threads = omp_get_max_threads();
  const auto [entry, is_new] = of_threads.try_emplace(threads);
  if (is_new) entry->second = {multiply_add_peak(cpu::active_isa(), threads), copy_peak(threads)};
  return entry->second;
}

std::vector<std::string> describe_peaks() {
  std::vector<std::string> lines;
  const auto add = [&](const char* what, int threads, double peak, const char* unit) {
    char line[96];
    std::snprintf(line, sizeof line, "%s, %d thread%s: %.1f %s", what, threads, threads == 1 ? "" : "s", peak,
                  unit);
    lines.emplace_back(line);
  };
  for (const int threads : std::set<int>{1, omp_get_max_threads()}) {
    for (const cpu::Isa isa : {cpu::Isa::Portable, cpu::Isa::Avx2, cpu::Isa::Avx512}) {
      if (!cpu::isa_supported(isa)) continue;
      add(concat("multiply-add, ", isa_name(isa)).c_str(), threads, multiply_add_peak(isa, threads),
          "GFLOP/s");
    }
    add("copy", threads, copy_peak(threads), "GB/s");
  }
  return lines;
}

}  // namespace duel::bench
