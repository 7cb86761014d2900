// A block rounds a square of one tap and turns it by way of shared memory, so that it reads and writes whole
// runs of neighbours. One launch for all weights of a network, found in a table among the arguments. Memory
// is the limit.
#include <algorithm>
#include <vector>

#include "cuda/cuda_kernels.h"
#include "cuda/instructions.cuh"
#include "cuda/kernel_order.cuh"
#include "cuda/launch.h"
#include "cuda/weight_forms.h"

namespace duel::cuda {
namespace {

constexpr int table_weights = 32;
constexpr int side = 32;    // of a square, along ic: a warp's
constexpr int height = 64;  // and along oc

struct Weight {
  int taps, oc, ic;
  const float* from;
  float *rounded, *turned;  // or null

  int64_t squares() const { return taps * ceil_divide(oc, height) * ceil_divide(ic, side); }
};

struct FormTable {
  ChunkTable<table_weights> squares;
  Weight weight[table_weights];
};

/// Block (weight, tap, square of oc, square of ic), the last the fastest.
__global__ void __launch_bounds__(block_threads) tf32_forms_kernel(const __grid_constant__ FormTable table) {
  begin_kernel();
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  constexpr int warps = block_threads / side;
  __shared__ float square[height][side + 1];  // one more, so that a column lies in different banks
  const int number = table.squares.tensor_of(blockIdx.x);
  const Weight w = table.weight[number];
  const int block = static_cast<int>(blockIdx.x - table.squares.first_chunk[number]),
            thread = static_cast<int>(threadIdx.x), lane = thread % side, warp = thread / side;
  const int across = static_cast<int>(ceil_divide(w.ic, side)),
            down = static_cast<int>(ceil_divide(w.oc, height));
  const int first_i = block % across * side, first_o = block / across % down * height,
            tap = block / across / down;
  const auto inside = [&](int o, int i) { return o < w.oc && i < w.ic; };
  const auto place = [&](int o, int i) { return (static_cast<int64_t>(o) * w.taps + tap) * w.ic + i; };
  float lines[height / warps];  // all of them under way before one is written
#pragma unroll
  for (int p = 0; p < height / warps; ++p) {
    const int o = first_o + p * warps + warp, i = first_i + lane;
    lines[p] = inside(o, i) ? rounded_to_tf32(w.from[place(o, i)]) : 0;
  }
#pragma unroll
  for (int p = 0; p < height / warps; ++p) {
    const int o = first_o + p * warps + warp, i = first_i + lane;
    square[p * warps + warp][lane] = lines[p];
    if (w.rounded && inside(o, i)) w.rounded[place(o, i)] = lines[p];
  }
  if (!w.turned) return;
  __syncthreads();
#pragma unroll
  for (int line = 0; line < side; line += warps) {
#pragma unroll
    for (int beside = 0; beside < height; beside += side) {
      const int i = first_i + line + warp, o = first_o + beside + lane;
      if (inside(o, i))
        w.turned[(static_cast<int64_t>(i) * w.taps + tap) * w.oc + o] = square[beside + lane][line + warp];
    }
  }
#endif
}

/// A convolution's weight and those of its forms that are to be written, in as few launches as hold them all.
struct Tf32Forms {
  Tensor weight, rounded{}, turned{};
};

void write(const Queue& queue, std::span<const Tf32Forms> weights) {
  while (!weights.empty()) {
    const auto some = weights.first(std::min<size_t>(weights.size(), table_weights));
    weights = weights.subspan(some.size());
    FormTable table{};
    for (const auto& [weight, rounded, turned] : some) {
      const auto size = [&w = weight](int dim) { return static_cast<int>(w.dim(dim)); };
      const auto data = [](const Tensor& copy) { return copy.defined() ? copy.data<float>() : nullptr; };
      Weight& entry = table.weight[table.squares.tensors];
      entry = {size(1) * size(2), size(0), size(3), weight.data<float>(), data(rounded), data(turned)};
      table.squares.append(entry.squares());
    }
    queue.launch(table.squares.chunks(), block_threads, tf32_forms_kernel, table);
  }
}

}  // namespace

void write_tf32_forms(const Queue& queue, std::span<const ParameterState> parameters) {
  std::vector<Tf32Forms> weights;
  for (const ParameterState& state : parameters) {
    const Tensor rounded = state.parameter.form_copy(Form::Tf32),
                 turned = state.parameter.form_copy(Form::Tf32Turned);
    if (rounded.defined() || turned.defined()) weights.push_back({state.parameter, rounded, turned});
  }
  write(queue, weights);
}

void CudaKernels::write_form(const Tensor& x, Form form, const Tensor& copy) {
  if (form == Form::BFloat16) return cast(x, copy, Write::Set);
  Tf32Forms forms{x};
  (form == Form::Tf32 ? forms.rounded : forms.turned) = copy;
  write(queue_, {&forms, 1});
}

}  // namespace duel::cuda
