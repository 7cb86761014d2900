// One optimiser step for all parameters in one launch.
//
// A network's parameters are many small tensors and a few large ones; a launch for each would cost more than
// the work. Here a block takes one chunk of one tensor, found in a table that travels as an argument of the
// kernel: nothing is uploaded, and a captured launch keeps its own copy. Its size is what the 4 KiB of
// arguments hold; more tensors than that take a further launch. Memory is the limit: up to four arrays are
// read and three written, 16 bytes a thread at a time.
#include "cuda/cuda_kernels.h"
#include "cuda/kernel_order.cuh"
#include "cuda/launch.h"
#include "cuda/pack.cuh"
#include "cuda/weight_forms.h"

namespace duel::cuda {
namespace {

constexpr int table_tensors = 64;
constexpr int64_t elements_per_block = 16 * block_threads;

template <class T>
struct Table {
  ChunkTable<table_tensors> chunks;
  int64_t elements[table_tensors];
  T *parameter[table_tensors], *a[table_tensors];
  T* b[table_tensors];  // or null
  const T* grad[table_tensors];
  BFloat16* rounded[table_tensors];  // or null
};
static_assert(sizeof(Table<float>) < 4000, "the arguments of a kernel have 4 KiB in all");

/// Counts the step and prepares what is the same for all elements: the powers in it are too dear to be
/// computed by every thread.
template <class Rule>
__global__ void prepare_kernel(Rule rule, double* clock, typename Rule::Step* step) {
  begin_kernel();
  clock[1] += 1;
  *step = rule.prepare(clock[0], clock[1]);
}

template <int width, class T, class Rule>
__device__ void update_pack(const Rule& rule, const typename Rule::Step& step, int64_t i, T* p, const T* g,
                            T* a, T* b, BFloat16* rounded) {
  Pack<T, width> ps = load_pack<width>(p, i), as = load_pack<width>(a, i), bs{};
  if constexpr (Rule::has_b) bs = load_pack<width>(b, i);
  const Pack<T, width> gs = load_pack<width>(g, i);
#pragma unroll
  for (int lane = 0; lane < width; ++lane)
    rule.apply(ps.lane[lane], gs.lane[lane], as.lane[lane], bs.lane[lane], step);
  store_pack<width>(p, i, ps, false);
  store_pack<width>(a, i, as, false);
  if constexpr (Rule::has_b) store_pack<width>(b, i, bs, false);
  if constexpr (std::is_same_v<T, float>) {
    if (rounded) store_pack<width>(rounded, i, ps, false);
  }
}

template <class T, class Rule>
__global__ void __launch_bounds__(block_threads)
    update_kernel(Rule rule, const typename Rule::Step* prepared, const __grid_constant__ Table<T> table) {
  begin_kernel();
  constexpr int width = pack_width<T>;
  const int tensor = table.chunks.tensor_of(blockIdx.x);
  const int64_t begin = (blockIdx.x - table.chunks.first_chunk[tensor]) * elements_per_block;
  const int64_t rest = table.elements[tensor] - begin,
                count = rest < elements_per_block ? rest : elements_per_block;
  T *const p = table.parameter[tensor] + begin, *const a = table.a[tensor] + begin;
  T* const b = Rule::has_b ? table.b[tensor] + begin : nullptr;
  const T* const g = table.grad[tensor] + begin;
  BFloat16* const rounded = table.rounded[tensor] ? table.rounded[tensor] + begin : nullptr;
  const typename Rule::Step step = *prepared;
  const bool aligned = aligned_to_pack<width>(p) && aligned_to_pack<width>(a) && aligned_to_pack<width>(b) &&
                       aligned_to_pack<width>(g) && aligned_to_pack<width>(rounded);
  const int64_t packs = aligned ? count / width : 0;
  for (int64_t i = threadIdx.x; i < packs; i += block_threads)
    update_pack<width>(rule, step, i, p, g, a, b, rounded);
  for (int64_t i = packs * width + threadIdx.x; i < count; i += block_threads)
    update_pack<1>(rule, step, i, p, g, a, b, rounded);
}

template <class T>
Table<T> table_of(std::span<const ParameterState> parameters) {
  Table<T> table{};
  for (const ParameterState& state : parameters) {
    const auto i = static_cast<size_t>(table.chunks.tensors);
    table.elements[i] = state.parameter.numel();
    table.parameter[i] = state.parameter.data<T>();
    table.grad[i] = state.grad.data<T>();
    table.a[i] = state.a.data<T>();
    table.b[i] = state.b.defined() ? state.b.data<T>() : nullptr;
    if (const Tensor copy = state.parameter.form_copy(Form::BFloat16); copy.defined())
      table.rounded[i] = copy.data<BFloat16>();
    table.chunks.append(ceil_divide(table.elements[i], elements_per_block));
  }
  return table;
}

}  // namespace

void CudaKernels::optimizer_step(const Update& update, std::span<const ParameterState> parameters,
                                 const Tensor& clock) {
  std::visit(
      [&]<class Rule>(const Rule& rule) {
        const Scratch<typename Rule::Step> step(allocator_, 1);
        queue_.launch(1, 1, prepare_kernel<Rule>, rule, clock.data<double>(), step.data());
        if (parameters.empty()) return;
        dispatch_float(parameters[0].parameter.dtype(), [&](auto type) {
          using T = decltype(type);
          for (auto rest = parameters; !rest.empty();) {
            const size_t count = std::min<size_t>(rest.size(), table_tensors);
            const Table<T> table = table_of<T>(rest.first(count));
            queue_.launch(table.chunks.chunks(), block_threads, update_kernel<T, Rule>, rule, step.data(),
                          table);
            rest = rest.subspan(count);
          }
        });
      },
      update);
  write_tf32_forms(queue_, parameters);
}

}  // namespace duel::cuda
