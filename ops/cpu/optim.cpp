// One optimiser step for all parameters: a single loop over the chunks of all of them, so that small tensors
// do not each wake the threads.
#include <vector>

#include "ops/cpu/cpu_kernels.h"
#include "ops/cpu/parallel.h"

namespace duel::cpu {
namespace {

struct Chunk {
  const ParameterState* state;
  int64_t begin, end;
};

std::vector<Chunk> chunks_of(std::span<const ParameterState> parameters) {
  std::vector<Chunk> chunks;
  for (const ParameterState& state : parameters) {
    const int64_t n = state.parameter.numel();
    for (int64_t begin = 0; begin < n; begin += elements_per_chunk)
      chunks.push_back({&state, begin, std::min(n, begin + elements_per_chunk)});
  }
  return chunks;
}

}  // namespace

void CpuKernels::optimizer_step(const Update& update, std::span<const ParameterState> parameters,
                                const Tensor& clock) {
  double* const time = clock.data<double>();
  time[1] += 1;
  if (parameters.empty()) return;
  const std::vector<Chunk> chunks = chunks_of(parameters);
  dispatch_float(parameters[0].parameter.dtype(), [&](auto type) {
    using T = decltype(type);
    std::visit(
        [&]<class Rule>(const Rule rule) {
          const auto step = rule.prepare(time[0], time[1]);
          parallel_for(
              static_cast<int64_t>(chunks.size()),
              [&](int64_t first, int64_t last) {
                for (int64_t i = first; i < last; ++i) {
                  const Chunk chunk = chunks[static_cast<size_t>(i)];
                  T* const p = chunk.state->parameter.template data<T>();
                  const T* const g = chunk.state->grad.template data<T>();
                  T* const a = chunk.state->a.template data<T>();
                  T* const b = Rule::has_b ? chunk.state->b.template data<T>() : a;
#pragma omp simd
                  for (int64_t j = chunk.begin; j < chunk.end; ++j) rule.apply(p[j], g[j], a[j], b[j], step);
                }
              },
              1);
        },
        update);
  });
  for (const ParameterState& state : parameters) {
    if (const Tensor copy = state.parameter.form_copy(Form::BFloat16); copy.defined())
      cast(state.parameter, copy, Write::Set);
  }
}

}  // namespace duel::cpu
