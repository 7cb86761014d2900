// Both directions only move memory, the stored matrix being up to KH * KW times as large as the picture. They
// walk an array by the pieces of RowTiles: im2col the matrix, whose columns are taps and channels, and col2im
// the picture, whose rows are pixels. A thread thereby keeps its tap, or its channels, and divides only to
// find its row; a pack of channels is one access to memory in the picture as in the matrix.
//
// col2im gathers: a thread adds up what its pixel contributed to the matrix. Scattering instead, a thread an
// element of the matrix, would need atomic additions, whose order, and so whose result, changes by the run.
#include "cuda/im2col.h"
#include "cuda/kernel_order.cuh"
#include "cuda/launch.h"
#include "cuda/pack.cuh"
#include "lib/im2col.h"

namespace duel::cuda {
namespace {

template <int width, class T>
__global__ void __launch_bounds__(block_threads)
    im2col_kernel(Conv2dShape s, RowTiles tiles, const T* x, T* __restrict__ columns) {
  begin_kernel();
  const RowTiles::Share share = tiles.share(blockIdx.x, static_cast<int>(threadIdx.x));
  if (share.pack >= tiles.packs) return;
  const Im2colColumn column = im2col_column(s, share.pack * width);
  for (int64_t row = share.first_row; row < share.end_row; row += tiles.depth()) {
    const int64_t source = im2col_source(s, im2col_row(s, row), column);
    const Pack<Computed<T>, width> values =
        source < 0 ? Pack<Computed<T>, width>{} : load_pack<width>(x, source / width);
    store_pack<width>(columns, row * tiles.packs + share.pack, values, false);
  }
}

template <int width, class T>
__global__ void __launch_bounds__(block_threads)
    col2im_kernel(Conv2dShape s, RowTiles tiles, const Computed<T>* columns, bool add, T* __restrict__ x) {
  begin_kernel();
  const RowTiles::Share share = tiles.share(blockIdx.x, static_cast<int>(threadIdx.x));
  if (share.pack >= tiles.packs) return;
  for (int64_t pixel = share.first_row; pixel < share.end_row; pixel += tiles.depth()) {
    Pack<Computed<T>, width> sum{};
    for_each_col2im_source(s, pixel, share.pack * width, [&](int64_t source) {
      const Pack<Computed<T>, width> values = load_pack<width>(columns, source / width);
#pragma unroll
      for (int i = 0; i < width; ++i) sum.lane[i] += values.lane[i];
    });
    store_pack<width>(x, pixel * tiles.packs + share.pack, sum, add);
  }
}

template <int width, class T, class Columns>
bool packed(const Conv2dShape& s, const T* x, const Columns* columns) {
  return s.ic % width == 0 && aligned_to_pack<width>(x) && aligned_to_pack<width>(columns);
}

}  // namespace

template <class T>
void im2col(const Queue& queue, const Conv2dShape& s, const T* x, T* columns) {
  constexpr int width = pack_width<T>;
  if (packed<width>(s, x, columns)) {
    const RowTiles tiles = row_tiles(s.gemm_m(), s.gemm_k() / width, queue.resident_blocks());
    queue.launch(tiles.blocks(), block_threads, im2col_kernel<width, T>, s, tiles, x, columns);
  } else {
    const RowTiles tiles = row_tiles(s.gemm_m(), s.gemm_k(), queue.resident_blocks());
    queue.launch(tiles.blocks(), block_threads, im2col_kernel<1, T>, s, tiles, x, columns);
  }
}

template <class T>
void col2im(const Queue& queue, const Conv2dShape& s, const Computed<T>* columns, T* x, Write write) {
  constexpr int width = pack_width<Computed<T>>;
  const int64_t pixels = s.n * s.ih * s.iw;
  const bool add = write == Write::Add;
  if (packed<width>(s, x, columns)) {
    const RowTiles tiles = row_tiles(pixels, s.ic / width, queue.resident_blocks());
    queue.launch(tiles.blocks(), block_threads, col2im_kernel<width, T>, s, tiles, columns, add, x);
  } else {
    const RowTiles tiles = row_tiles(pixels, s.ic, queue.resident_blocks());
    queue.launch(tiles.blocks(), block_threads, col2im_kernel<1, T>, s, tiles, columns, add, x);
  }
}

template void im2col(const Queue&, const Conv2dShape&, const float*, float*);
template void im2col(const Queue&, const Conv2dShape&, const double*, double*);
template void im2col(const Queue&, const Conv2dShape&, const BFloat16*, BFloat16*);
template void col2im<float>(const Queue&, const Conv2dShape&, const float*, float*, Write);
template void col2im<double>(const Queue&, const Conv2dShape&, const double*, double*, Write);
template void col2im<BFloat16>(const Queue&, const Conv2dShape&, const float*, BFloat16*, Write);

}  // namespace duel::cuda
