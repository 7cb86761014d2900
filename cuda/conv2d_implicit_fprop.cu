// y = X W^T: rows are output pixels, columns output channels, and k runs over the taps and input channels.
//
// Blocks of the same pixels and all channels are neighbours in the grid: they read the same patches, which
// the L2 cache then holds. Large layers are limited by the tensor cores and by shared memory feeding them,
// small ones by how few blocks there are.
#include "cuda/conv2d_factors.cuh"
#include "cuda/conv2d_implicit.h"
#include "cuda/kernel_order.cuh"
#include "cuda/padded_rows.h"

namespace duel::cuda {
namespace {

template <class Arithmetic, class Tile, class Fetch>
__global__ void __launch_bounds__(product_threads, blocks_at_once<Arithmetic, Tile, Fetch>)
    fprop_kernel(const __grid_constant__ PatchMatrix patches, const typename Fetch::Element* x,
                 const typename Fetch::Element* weight, int weight_pitch,
                 const __grid_constant__ ProductTarget y) {
  begin_kernel();
  on_products_card<Arithmetic>([&] {
    const int pixels = patches.rows(), depth = patches.columns();
    const typename Tile::Place tile = Tile::place(static_cast<int>(blockIdx.x), y.columns);
    const PatchRows<Fetch> a{patches, x};
    const WeightRows<Fetch> b{weight, y.columns, weight_pitch};
    typename Arithmetic::template Sums<Tile> sums;
    multiply_tile<Arithmetic, Tile>(a, b, tile.m, tile.n, 0, product_steps(depth, Fetch::depth),
                                    StepOrder<Fetch::depth>::taps_first(patches.channels, depth), sums);
    y.store<Tile>(sums, tile.n, [&](int i) {
      const int row = tile.m + i;
      return row < pixels ? row : -1;
    });
  });
}

template <class T>
Layout layout_of(const Conv2dShape& s, const T* x, const T* weight, int64_t pitch) {
  const bool packs = in_packs(s.ic, x) && in_packs(pitch, weight);
  return {packs, packs, s.ic};
}

template <class T>
void launch(const Queue& queue, Precision precision, const Conv2dShape& s, const T* x, const T* weight,
            int64_t pitch, const Layout& layout, const ProductTarget& y) {
  const TileSize size =
      tile_size_for(1, s.gemm_m(), s.oc, queue.multiprocessors(), as_group<T>(queue, precision, layout));
  const auto blocks = [&](auto tile, int) { return tile.blocks(s.gemm_m(), s.oc); };
  dispatch_product<T, MiddleTile,
                   ProductKind{
                       .taps = true, .right_packs = padded_weight<T>, .left_alone = false, .across = false}>(
      queue, precision, size, layout, blocks, [&]<class A, class Tile, class Fetch>(A, Tile tile, Fetch) {
        queue.launch(blocks(tile, Fetch::depth), product_threads,
                     ProductMemory<A, Tile, PatchRows<Fetch>, WeightRows<Fetch>>::bytes,
                     fprop_kernel<A, Tile, Fetch>, conv2d_patches(s), x, weight, static_cast<int>(pitch), y);
      });
}

}  // namespace

void conv2d_fprop_implicit(const Queue& queue, CachingAllocator& allocator, Precision precision,
                           const Conv2dShape& s, const Tensor& x, const Tensor& weight, const Tensor& y,
                           Write write, const Epilogue& epilogue) {
  const ProductTarget target = ProductTarget::of(y, s.oc, write, epilogue);
  if (x.dtype() == DType::BFloat16) {
    const PaddedRows rows(queue, allocator, weight.data<BFloat16>(), s.oc, s.gemm_k());
    const auto* const from = x.data<BFloat16>();
    launch(queue, precision, s, from, rows.data(), rows.pitch(),
           layout_of(s, from, rows.data(), rows.pitch()), target);
  } else {
    const auto* const from = x.data<float>();
    const Layout layout = layout_of<float>(s, from, weight.data<float>(), s.gemm_k());
    const Tensor factor = as_group<float>(queue, precision, layout) ? weight.form(Form::Tf32) : weight;
    launch<float>(queue, precision, s, from, factor.data<float>(), s.gemm_k(), layout, target);
  }
}

}  // namespace duel::cuda
