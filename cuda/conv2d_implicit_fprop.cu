// y = X W^T: rows are output pixels, columns output channels, and k runs over the taps and input channels.
//
// Blocks of one 128 pixels and all channels are neighbours in the grid: they read the same patches, which the
// L2 cache then holds. Large layers are limited by the tensor cores and by shared memory feeding them, small
// ones by how few blocks there are.
#include "cuda/conv2d_factors.cuh"
#include "cuda/conv2d_implicit.h"

namespace duel::cuda {
namespace {

template <class Arithmetic, int width>
__global__ void __launch_bounds__(block_threads, blocks_at_once<width>)
    fprop_kernel(PatchMatrix patches, int channels, const float* __restrict__ x,
                 const float* __restrict__ weight, bool add, Epilogue epilogue, float* __restrict__ y) {
  const int pixels = static_cast<int>(patches.rows()), depth = static_cast<int>(patches.columns());
  const int tiles_n = (channels + tile_n - 1) / tile_n, block = static_cast<int>(blockIdx.x);
  const PatchRows<width> a{patches, x};
  const Stored<width, true> b{weight, channels, depth, depth};
  tile_product<Arithmetic>(a, b, block / tiles_n * tile_m, block % tiles_n * tile_n, 0, depth,
                           [&](int m, int n, float sum) {
                             if (m >= pixels || n >= channels) return;
                             float& target = y[static_cast<int64_t>(m) * channels + n];
                             const float value = epilogue(n, sum);
                             target = add ? target + value : value;
                           });
}

}  // namespace

bool fits_implicit(const Conv2dShape& s) {
  constexpr int64_t limit = (int64_t{1} << 31) - 2 * tile_m;
  return s.gemm_m() < limit && s.n * s.ih * s.iw < limit && s.gemm_k() < limit &&
         s.kh * s.kw * s.oc < limit && s.stride_h * s.stride_w <= 9;
}

void conv2d_fprop_implicit(const Queue& queue, Precision precision, const Conv2dShape& s, const float* x,
                           const float* weight, float* y, Write write, const Epilogue& epilogue) {
  const int64_t blocks = static_cast<int64_t>(tiles_along(s.gemm_m(), tile_m)) * tiles_along(s.oc, tile_n);
  dispatch_product(precision, packed(s, x, weight), [&]<class A>(A, auto width) {
    queue.launch(blocks, block_threads, fprop_kernel<A, width>, conv2d_patches(s), static_cast<int>(s.oc), x,
                 weight, write == Write::Add, epilogue, y);
  });
}

}  // namespace duel::cuda
