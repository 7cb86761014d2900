// What the benchmarks share: a timed body with its work as counters, and how the benchmarks are registered.
#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <string>
#include <vector>

#include "benchmarks/peaks.h"
#include "lib/kernels.h"
#include "lib/tensor.h"

namespace duel::bench {

/// What the benchmarks run on: the CPU until set.
Device device();
void set_device(Device device);

/// A dry run starts every benchmark once, on a picture or two: whether it runs at all, not how fast. Off
/// until set.
bool dry_run();
void set_dry_run(bool on);
/// How many pictures the benchmark of an operation works on: those of the recipe, or one in a dry run.
int64_t pictures(int64_t of_recipe);

/// What one call does: additions and multiplications, and bytes of its tensors, each counted once.
struct Work {
  double flops = 0;
  double bytes = 0;
};

/// The bytes of these tensors; undefined ones count nothing.
double bytes_of(const std::vector<Tensor>& tensors);

/// The counters of `calls` calls in `seconds`: the rates, and as roof% the share of the time that the work
/// must take at the measured peaks, whichever of arithmetic and memory needs longer. What the caches hold may
/// pass 100. A dry run has none.
void report(benchmark::State& state, const Work& work, double calls, double seconds);

/// Times body(), which has run for a while before. Where the device records work, as in a training step, it
/// is timed so: many calls in one replay, without the host's part.
template <class Body>
void measure(benchmark::State& state, const Work& work, const Body& body) {
  using Clock = std::chrono::steady_clock;
  const int64_t recorded_calls = dry_run() ? 1 : 20;
  Kernels& k = kernels(device());
  // On the CPU until the threads of OpenBLAS, which spin for a while after the benchmark before, have gone to
  // sleep; a card has none.
  const double calm_after = dry_run() || device() != Device{} ? 0 : 0.1;
  const auto begin = Clock::now();
  do {
    body();
    k.synchronize();
  } while (std::chrono::duration<double>(Clock::now() - begin).count() < calm_after);
  const auto recording = k.record([&] {
    for (int64_t i = 0; i < recorded_calls; ++i) body();
  });
  const int64_t calls = recording ? recorded_calls : 1;
  k.synchronize();
  double seconds = 0;
  for (auto _ : state) {
    const auto start = Clock::now();
    if (recording) {
      recording->replay();
      k.synchronize();
    } else {
      body();
    }
    const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
    state.SetIterationTime(elapsed / static_cast<double>(calls));
    seconds += elapsed;
  }
  report(state, work, static_cast<double>(state.iterations() * calls), seconds);
}

/// Registers a benchmark of that name, whose function sets the time of each iteration.
template <class Function>
benchmark::internal::Benchmark* add(const std::string& name, const Function& function) {
  auto* const added =
      benchmark::RegisterBenchmark(name.c_str(), function)->UseManualTime()->Unit(benchmark::kMillisecond);
  return dry_run() ? added->Iterations(1) : added;
}

/// Uniform numbers on (-1, 1), always the same, on the device: float32, and what flows between layers, in the
/// type that the device has for it under its present precision.
Tensor random_tensor(const Shape& shape);
Tensor random_activations(const Shape& shape);
Tensor empty_activations(const Shape& shape);
/// On the device, like Tensor's of these names.
Tensor full_tensor(const Shape& shape, double value);
Tensor empty_tensor(const Shape& shape);

// One function a file.
void add_conv2d_benchmarks();
void add_linear_benchmarks();
void add_elementwise_benchmarks();
void add_batch_norm_benchmarks();
void add_optimizer_benchmarks();
void add_iteration_benchmarks();

}  // namespace duel::bench
