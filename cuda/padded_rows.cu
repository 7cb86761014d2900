// Weights that need it are those of pictures with one or three channels, small ones: a thread makes an
// element.
#include "cuda/kernel_order.cuh"
#include "cuda/launch.h"
#include "cuda/pack.cuh"
#include "cuda/padded_rows.h"

namespace duel::cuda {
namespace {

constexpr int width = pack_width<BFloat16>;

__global__ void __launch_bounds__(block_threads)
    pad_kernel(int64_t elements, int64_t columns, int64_t pitch, const BFloat16* weight,
               BFloat16* __restrict__ padded) {
  begin_kernel();
  const auto [first, step] = thread_items(blockIdx.x, static_cast<int>(threadIdx.x), gridDim.x);
  for (int64_t i = first; i < elements; i += step) {
    const int64_t row = i / pitch, column = i % pitch;
    padded[i] = column < columns ? weight[row * columns + column] : BFloat16{};
  }
}

}  // namespace

PaddedRows::PaddedRows(const Queue& queue, CachingAllocator& allocator, const BFloat16* weight, int64_t rows,
                       int64_t columns)
    : data_(weight), pitch_(ceil_divide(columns, width) * width) {
  if (pitch_ == columns && aligned_to_pack<width>(weight)) return;
  const int64_t elements = rows * pitch_;
  BFloat16* const padded = copy_.emplace(allocator, elements).data();
  queue.launch(blocks_for(elements, queue.resident_blocks()), block_threads, pad_kernel, elements, columns,
               pitch_, weight, padded);
  data_ = padded;
}

}  // namespace duel::cuda
