#include "benchmarks/peaks.h"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "benchmarks/multiply_add_loop.h"
#include "lib/allocator.h"
#include "lib/error.h"
#include "lib/kernels.h"
#include "lib/random.h"

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
#pragma omp masked
      start = seconds_now();
      body(omp_get_thread_num());
#pragma omp barrier
#pragma omp masked
      end = seconds_now();
    }
    best = std::min(best, end - start);
  }
  return best;
}

/// The shortest time that the device took for body(), which has run once before.
template <class Body>
double shortest_on(Kernels& k, const Body& body) {
  double best = 1e9;
  for (int repetition = 0; repetition <= repetitions; ++repetition) {
    k.synchronize();
    const double start = seconds_now();
    body();
    k.synchronize();
    if (repetition > 0) best = std::min(best, seconds_now() - start);
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

// As large as is worth a hundredth of a second, or as fits: small on a slow device.
double product_peak(Device card) {
  Kernels& k = kernels(card);
  double best = 0;
  for (int64_t size = 256; size <= 8192; size *= 2) {
    const Tensor a = Tensor::full({size, size}, 0, k.activation_type(), card), b = a.clone(), y = a.clone();
    RandomStream stream(0, Stream::Check, card);
    stream.fill(a, Uniform{-1, 1});
    stream.fill(b, Uniform{-1, 1});
    const double seconds = shortest_on(k, [&] { k.gemm(false, false, a, b, y, Write::Set); });
    const auto n = static_cast<double>(size);
    best = std::max(best, 2e-9 * n * n * n / seconds);
    if (seconds > 0.01) break;
  }
  return best;
}

double device_copy_peak(Device card) {
  Kernels& k = kernels(card);
  const auto room = k.allocator().room();
  const int64_t bytes = std::min<int64_t>(int64_t{1} << 30, room ? room->free / 4 : int64_t{1} << 28);
  const Tensor source = Tensor::zeros({bytes}, DType::UInt8, card), target = source.clone();
  return 2e-9 * static_cast<double>(bytes) / shortest_on(k, [&] { k.copy(source, target); });
}

const Peaks& peaks(Device device) {
  static std::map<std::pair<std::string, int>, Peaks> of_machine;
  const bool card = device.kind == Device::Kind::Cuda;
  const int threads = card ? 0 : omp_get_max_threads();
  const auto [entry, is_new] = of_machine.try_emplace({device.str(), threads});
  if (is_new && card) entry->second = {product_peak(device), device_copy_peak(device)};
  if (is_new && !card) entry->second = {multiply_add_peak(cpu::active_isa(), threads), copy_peak(threads)};
  return entry->second;
}

std::vector<std::string> describe_peaks(Device device) {
  std::vector<std::string> lines;
  char line[96];
  if (device.kind == Device::Kind::Cuda) {
    std::snprintf(line, sizeof line, "matrix product by the library: %.0f GFLOP/s",
                  peaks(device).multiply_add);
    lines.emplace_back(line);
    std::snprintf(line, sizeof line, "copy: %.0f GB/s", peaks(device).copy);
    lines.emplace_back(line);
    return lines;
  }
  const auto add = [&](const char* what, int threads, double peak, const char* unit) {
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
