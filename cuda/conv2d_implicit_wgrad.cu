// dW = dy^T X: rows are output channels, columns taps and input channels, and k runs over all output pixels.
//
// The result is small and k is long, so its tiles alone would leave most of the device idle: k is split among
// blocks, whose sums go to a workspace and are added up by a second launch, always in the same order.
#include "cuda/conv2d_factors.cuh"
#include "cuda/conv2d_implicit.h"
#include "cuda/sum_rows.cuh"

namespace duel::cuda {
namespace {

template <class Arithmetic, int width>
__global__ void __launch_bounds__(block_threads, blocks_at_once<width>)
    wgrad_kernel(PatchMatrix patches, int channels, int pixels_a_split, const float* __restrict__ x,
                 const float* __restrict__ dy, bool add, float* __restrict__ sums) {
  const int pixels = static_cast<int>(patches.rows()), columns = static_cast<int>(patches.columns());
  const int tiles_m = (channels + tile_m - 1) / tile_m, tiles_n = (columns + tile_n - 1) / tile_n;
  const int block = static_cast<int>(blockIdx.x), tile = block % (tiles_m * tiles_n);
  const int64_t split = block / (tiles_m * tiles_n), begin = split * pixels_a_split;
  const int64_t end = begin + pixels_a_split < pixels ? begin + pixels_a_split : pixels;
  const Stored<width, false> a{dy, channels, pixels, channels};
  const PatchColumns<width> b{patches, x};
  tile_product<Arithmetic>(a, b, tile / tiles_n * tile_m, tile % tiles_n * tile_n, static_cast<int>(begin),
                           static_cast<int>(end), [&](int m, int n, float sum) {
                             if (m >= channels || n >= columns) return;
                             float& target = sums[(split * channels + m) * columns + n];
                             target = add ? target + sum : sum;
                           });
}

/// How many pixels each split takes: a multiple of every depth of a step, and enough of them for their tiles'
/// start and end not to matter. The number of blocks wanted is fixed: the result shall not depend on the
/// card.
int64_t pixels_a_split(const Conv2dShape& s) {
  constexpr int64_t blocks_wanted = 512, granule = 32, least = 8 * granule;
  const int64_t tiles = static_cast<int64_t>(tiles_along(s.oc, tile_m)) * tiles_along(s.gemm_k(), tile_n);
  const int64_t splits = std::max<int64_t>(1, blocks_wanted / tiles);
  return std::max(least, ceil_divide(ceil_divide(s.gemm_m(), splits), granule) * granule);
}

}  // namespace

void conv2d_wgrad_implicit(const Queue& queue, CachingAllocator& allocator, Precision precision,
                           const Conv2dShape& s, const float* x, const float* dy, float* dw, Write write) {
  const int64_t tiles = static_cast<int64_t>(tiles_along(s.oc, tile_m)) * tiles_along(s.gemm_k(), tile_n);
  const int64_t pixels = pixels_a_split(s), splits = std::max<int64_t>(1, ceil_divide(s.gemm_m(), pixels));
  const int64_t elements = s.oc * s.gemm_k();
  const Scratch<float> workspace(allocator, splits == 1 ? 0 : splits * elements);
  float* const sums = splits == 1 ? dw : workspace.data();
  const bool add = splits == 1 && write == Write::Add;
  dispatch_product(precision, packed(s, x, dy), [&]<class A>(A, auto width) {
    queue.launch(tiles * splits, block_threads, wgrad_kernel<A, width>, conv2d_patches(s),
                 static_cast<int>(s.oc), static_cast<int>(pixels), x, dy, add, sums);
  });
  if (splits > 1) {
    reduce_rows(queue, allocator, splits, elements, SumUp<float>{},
                StoreSum<float>{1, write == Write::Add, dw}, static_cast<const float*>(sums));
  }
}

}  // namespace duel::cuda
