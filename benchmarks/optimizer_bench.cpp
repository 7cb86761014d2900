// One step of each optimiser on all parameters of a network at once.
#include <vector>

#include "benchmarks/bench.h"
#include "lib/error.h"
#include "lib/kernels.h"

namespace duel::bench {
namespace {

/// The sizes of the weights that make nearly all of a network's parameters.
using Sizes = std::vector<int64_t>;

void run(benchmark::State& state, const Update& update, const Sizes& sizes) {
  std::vector<ParameterState> parameters;
  Work work;
  // Parameter and state are read and written, the gradient is read.
  const int moved = has_b(update) ? 7 : 5;
  for (const int64_t size : sizes) {
    parameters.push_back({random_tensor({size}), random_tensor({size}), full_tensor({size}, 0)});
    if (has_b(update)) parameters.back().b = full_tensor({size}, 0);
    work.bytes += moved * bytes_of({parameters.back().parameter});
  }
  const Tensor clock = Tensor::from(std::vector<double>{1e-4, 0}, {2}, device());
  measure(state, work, [&] { kernels(device()).optimizer_step(update, parameters, clock); });
}

}  // namespace

void add_optimizer_benchmarks() {
  const Sizes g{204800, 2048, 2097152, 524288, 131072, 3072}, d{3072, 131072, 524288, 4096};
  const Sizes anime_g{8388608, 819200, 1048576, 1638400, 1638400, 37632};
  const AdamUpdate adam{0.5, 0.999, 1e-8, 0};
  const RmspropUpdate rmsprop{0.9, 1e-7, 0, 0, 1, 1e-8};
  add("adam/celeba32/G", [=](benchmark::State& state) { run(state, adam, g); });
  add("adam/celeba32/D", [=](benchmark::State& state) { run(state, adam, d); });
  add("rmsprop/anime64/G", [=](benchmark::State& state) { run(state, rmsprop, anime_g); });
  add("sgd/celeba32/G", [=](benchmark::State& state) { run(state, SgdUpdate{}, g); });
}

}  // namespace duel::bench
