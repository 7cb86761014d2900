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
    fprop_kernel(const __grid_constant__ PatchMatrix patches, const float* __restrict__ x,
                 const float* __restrict__ weight, const __grid_constant__ ProductTarget y) {
  on_products_card([&] {
    const int pixels = patches.rows(), depth = patches.columns();
    const typename Tile::Place tile = Tile::place(static_cast<int>(blockIdx.x), y.columns);
    const PatchRows<Fetch::a, Fetch::one_tap> a{patches, x};
    const WeightRows<Fetch::b> b{weight, y.columns, depth};
    typename Arithmetic::template Sums<Tile> sums;
    multiply_tile<Tile>(a, b, tile.m, tile.n, 0, product_steps(depth),
                        StepOrder::taps_first(patches.channels, depth), sums);
    y.store(sums, tile.n, [&](int l) {
      const int row = tile.m + sums.row(l);
      return row < pixels ? y.row(row) : nullptr;
    });
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
  const TileSize size = tile_size_for(1, s.gemm_m(), s.oc, queue.multiprocessors());
  const bool in_fours_both = in_fours(s.ic, x) && in_fours(s.ic, weight);
  dispatch_product<MiddleTile, false>(precision, size, {in_fours_both, in_fours_both, whole_taps(s.ic)},
                                      [&]<class A, class Tile, class Fetch>(A, Tile, Fetch) {
                                        using Left = PatchRows<Fetch::a, Fetch::one_tap>;
                                        using Right = WeightRows<Fetch::b>;
                                        queue.launch(Tile::blocks(s.gemm_m(), s.oc), product_threads,
                                                     product_shared_bytes<Tile, Left, Right>,
                                                     fprop_kernel<A, Tile, Fetch>, conv2d_patches(s), x,
                                                     weight, ProductTarget(y, s.oc, write, epilogue));
                                      });
}

}  // namespace duel::cuda
