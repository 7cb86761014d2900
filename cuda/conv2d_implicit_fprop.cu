// y = X W^T: rows are output pixels, columns output channels, and k runs over the taps and input channels.
//
// Blocks of the same pixels and all channels are neighbours in the grid: they read the same patches, which
// the L2 cache then holds. Large layers are limited by the tensor cores and by shared memory feeding them,
// small ones by how few blocks there are.
#include "cuda/conv2d_factors.cuh"
#include "cuda/conv2d_implicit.h"

namespace duel::cuda {
namespace {

template <class Arithmetic, class Tile, class Fetch>
__global__ void __launch_bounds__(product_threads, blocks_at_once<Tile, Fetch>)
    fprop_kernel(const __grid_constant__ PatchMatrix patches, StepOrder order, const float* __restrict__ x,
                 const float* __restrict__ weight, const __grid_constant__ ProductTarget y) {
  on_products_card([&] {
    const int pixels = patches.rows(), depth = patches.columns();
    const int tiles_n = (y.columns + Tile::n - 1) / Tile::n, block = static_cast<int>(blockIdx.x);
    const int m = block / tiles_n * Tile::m, n = block % tiles_n * Tile::n;
    const PatchRows<Fetch::a, Fetch::whole_taps> a{patches, x};
    const WeightRows<Fetch::b> b{weight, y.columns, depth};
    typename Arithmetic::template Sums<Tile> sums;
    multiply_tile<Tile>(a, b, m, n, 0, product_steps(depth), order, sums);
    y.store(sums, n, [&](int l) { return m + sums.row(l) < pixels ? y.row(m + sums.row(l)) : nullptr; });
  });
}

}  // namespace

bool fits_implicit(const Conv2dShape& s) {
  constexpr int64_t limit = (int64_t{1} << 31) - 2 * WideTile::m;
  return s.gemm_m() < limit && s.n * s.ih * s.iw < limit && s.oc * s.gemm_k() < limit &&
         s.ih * s.iw * s.ic < limit && s.oh * s.ow * s.oc < limit && s.stride_h * s.stride_w <= 9;
}

void conv2d_fprop_implicit(const Queue& queue, Precision precision, const Conv2dShape& s, const float* x,
                           const float* weight, float* y, Write write, const Epilogue& epilogue) {
  const PatchMatrix patches = conv2d_patches(s);
  const StepOrder order = StepOrder::taps_first(patches.channels, patches.columns());
  const TileSize size = tile_size_for(1, s.gemm_m(), s.oc, queue.multiprocessors());
  const bool in_fours_both = in_fours(s.ic, x) && in_fours(s.ic, weight);
  dispatch_product<MiddleTile, false>(
      precision, size, {in_fours_both, in_fours_both, s.ic % product_depth == 0},
      [&]<class A, class Tile, class Fetch>(A, Tile, Fetch) {
        using Left = PatchRows<Fetch::a, Fetch::whole_taps>;
        using Right = WeightRows<Fetch::b>;
        queue.launch(int64_t{tiles_along(s.gemm_m(), Tile::m)} * tiles_along(s.oc, Tile::n), product_threads,
                     product_shared_bytes<Tile, Left, Right>, fprop_kernel<A, Tile, Fetch>, patches, order, x,
                     weight, ProductTarget(y, s.oc, write, epilogue));
      });
}

}  // namespace duel::cuda
