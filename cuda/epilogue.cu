// An epilogue as a pass of its own. Memory is the limit; rows.cuh says how threads map to data.
#include "cuda/epilogue.h"
#include "cuda/kernel_order.cuh"
#include "cuda/rows.cuh"

namespace duel::cuda {
namespace {

template <int width, class T>
__global__ void __launch_bounds__(block_threads)
    epilogue_kernel(RowTiles tiles, const __grid_constant__ Epilogue epilogue, T* y) {
  begin_kernel();
  const RowTiles::Share share = tiles.share(blockIdx.x, static_cast<int>(threadIdx.x));
  if (share.pack >= tiles.packs) return;
  const int64_t column = share.pack * width;
  for (int64_t row = share.first_row; row < share.end_row; row += tiles.depth()) {
    const int64_t place = row * tiles.packs + share.pack;
    Pack<float, width> values = load_pack<width>(y, place);
#pragma unroll
    for (int i = 0; i < width; ++i) values.lane[i] = epilogue(column + i, values.lane[i]);
    store_pack<width>(y, place, values, false);
  }
}

template <class T>
void apply(const Queue& queue, int64_t rows, int64_t columns, const Epilogue& epilogue, T* y) {
  constexpr int width = row_pack_width<T>;
  const int64_t most_blocks = queue.resident_blocks() / 2;
  if (columns % width == 0 && aligned_to_pack<width>(y)) {
    const RowTiles tiles = row_tiles(rows, columns / width, most_blocks);
    queue.launch(tiles.blocks(), block_threads, epilogue_kernel<width, T>, tiles, epilogue, y);
  } else {
    const RowTiles tiles = row_tiles(rows, columns, most_blocks);
    queue.launch(tiles.blocks(), block_threads, epilogue_kernel<1, T>, tiles, epilogue, y);
  }
}

}  // namespace

void apply_epilogue(const Queue& queue, int64_t rows, int64_t columns, const Epilogue& epilogue,
                    const Tensor& y) {
  if (epilogue.nothing() || rows == 0 || columns == 0) return;
  if (y.dtype() == DType::BFloat16) return apply(queue, rows, columns, epilogue, y.data<BFloat16>());
  apply(queue, rows, columns, epilogue, y.data<float>());
}

}  // namespace duel::cuda
