// What the benchmarks share: a timed body with its work as counters, and how the benchmarks are registered.
#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <string>
#include <vector>

#include "benchmarks/peaks.h"
#include "lib/tensor.h"

namespace duel::bench {

/// What one call does: additions and multiplications, and bytes of its tensors, each counted once.
struct Work {
  double flops = 0;
  double bytes = 0;
};

/// The bytes of these tensors; undefined ones count nothing.
double bytes_of(const std::vector<Tensor>& tensors);

/// The counters of `calls` calls in `seconds`: the rates, and as roof% the share of the time that the work
/// must take at the measured peaks, whichever of arithmetic and memory needs longer. What the caches hold may
/// pass 100.
void report(benchmark::State& state, const Work& work, double calls, double seconds);

/// Times body(), which has run once before.
template <class Body>
void measure(benchmark::State& state, const Work& work, const Body& body) {
  body();
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) body();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report(state, work, static_cast<double>(state.iterations()), seconds);
}

/// Registers a benchmark of that name, timed by the clock on the wall.
template <class Function>
benchmark::internal::Benchmark* add(const std::string& name, const Function& function) {
  return benchmark::RegisterBenchmark(name.c_str(), function)->UseRealTime()->Unit(benchmark::kMillisecond);
}

/// Uniform numbers on (-1, 1), always the same.
Tensor random_tensor(const Shape& shape);

// One function a file.
void add_conv2d_benchmarks();
void add_linear_benchmarks();
void add_elementwise_benchmarks();
void add_batch_norm_benchmarks();
void add_optimizer_benchmarks();
void add_iteration_benchmarks();

}  // namespace duel::bench
