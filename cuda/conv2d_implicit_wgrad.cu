// dW = dy^T X: rows are output channels, columns taps and input channels, and k runs over all output pixels.
//
// The result is small and k is long, so its tiles alone would leave most of the device idle: k is split among
// blocks, whose sums go to a workspace and are added up by a second launch, always in the same order. Neither
// the tile nor where k is split depends on the card, but for whether it multiplies by warpgroups.
//
// A few output channels would leave most rows of a tile empty, 61 of 64 where a picture is made. With a
// stride of 1 x and dy can exchange their roles: then the few channels stand beside the taps, and x, the
// large factor, is read once a tile instead of once a tap.
#include "cuda/conv2d_factors.cuh"
#include "cuda/conv2d_implicit.h"
#include "cuda/kernel_order.cuh"
#include "cuda/sum_rows.cuh"

namespace duel::cuda {
namespace {

template <class Arithmetic, class Tile, class Fetch>
__global__ void __launch_bounds__(product_threads, blocks_at_once<Arithmetic, Tile, Fetch>)
    wgrad_kernel(const __grid_constant__ PatchMatrix patches, int channels, int steps_a_split,
                 const typename Fetch::Element* x, const typename Fetch::Element* dy,
                 const __grid_constant__ ProductTarget dw) {
  begin_kernel();
  on_products_card<Arithmetic>([&] {
    const int pixels = patches.rows();
    const int tiles = static_cast<int>(Tile::blocks(channels, dw.columns));
    const int split = static_cast<int>(blockIdx.x) / tiles;
    const typename Tile::Place tile = Tile::place(static_cast<int>(blockIdx.x) % tiles, dw.columns);
    const int first_step = split * steps_a_split, left = product_steps(pixels, Fetch::depth) - first_step;
    const PixelChannels<Fetch> a{dy, channels, pixels};
    const PatchColumns<Fetch> b{patches, x};
    typename Arithmetic::template Sums<Tile> sums;
    multiply_tile<Arithmetic, Tile>(a, b, tile.m, tile.n, first_step * Fetch::depth,
                                    left < steps_a_split ? left : steps_a_split, StepOrder<Fetch::depth>(),
                                    sums);
    dw.store<Tile>(sums, tile.n, [&](int i) {
      const int row = tile.m + i;
      return row < channels ? static_cast<int64_t>(split) * channels + row : -1;
    });
  });
}

/// How k is split: into how many parts, each of so many steps.
struct Splits {
  int64_t steps, count;
};
/// Of `tiles` tiles, and steps of `depth` elements. A split takes enough of them for its tiles' start and end
/// not to matter. About two blocks for each multiprocessor of a large card are wanted, but parts cost memory:
/// what has half as many tiles is not split. For long sums parts cost little, and twice as many leave less of
/// the card idle at the end.
Splits splits_of(const Conv2dShape& s, int64_t tiles, int depth) {
  constexpr int64_t long_sum = 1 << 17, least = 256;
  const int64_t steps = product_steps(s.gemm_m(), depth), blocks_wanted = s.gemm_m() < long_sum ? 256 : 512;
  const int64_t most = std::max<int64_t>(1, (blocks_wanted - 1) / tiles);
  const int64_t of_one = std::max(least / depth, ceil_divide(steps, most));
  return {of_one, std::max<int64_t>(1, ceil_divide(steps, of_one))};
}

/// Whether the roles of x and dy are to be exchanged: it takes one more launch, and has to halve the tiles.
bool exchanges(const Conv2dShape& s) {
  if (s.stride_h != 1 || s.stride_w != 1) return false;
  const Conv2dShape other = exchanged(s);
  const auto work = [](const Conv2dShape& shape) {
    return SmallTile::blocks(shape.oc, shape.gemm_k()) * shape.gemm_m();
  };
  return 2 * work(other) <= work(s) && fits_implicit(other);
}

/// Puts the sums of a weight whose roles are exchanged where they belong.
struct StoreExchanged {
  StoreSum<float> store;
  ExchangedWeight weight;
  DUEL_HOST_DEVICE void operator()(int64_t i, const Sum<double>& sum) const { store(weight.place(i), sum); }
};

/// Calls store for each sum of dW if there are parts to be added up or `whole`, where the sums would go as
/// they are, is null.
template <class T, class Store>
void launch(const Queue& queue, const ReductionSpace& reductions, Precision precision, const Conv2dShape& s,
            const T* x, const T* dy, float* whole, Write write, const Store& store) {
  const TileSize size = tile_size_for(1, s.oc, s.gemm_k(), 1);
  const auto blocks = [&](auto tile, int depth) {
    const int64_t tiles = tile.blocks(s.oc, s.gemm_k());
    return tiles * splits_of(s, tiles, depth).count;
  };
  dispatch_product<T, SmallTile,
                   ProductKind{.taps = false, .right_packs = false, .left_alone = true, .across = true}>(
      queue, precision, size, {in_packs(s.oc, dy), in_packs(s.ic, x), 0}, blocks,
      [&]<class A, class Tile, class Fetch>(A, Tile tile, Fetch) {
        const Splits splits = splits_of(s, Tile::blocks(s.oc, s.gemm_k()), Fetch::depth);
        const bool in_parts = splits.count > 1 || !whole;
        const int64_t elements = s.oc * s.gemm_k();
        const Scratch<float> parts(reductions.allocator(), in_parts ? splits.count * elements : 0);
        queue.launch(
            blocks(tile, Fetch::depth), product_threads,
            ProductMemory<A, Tile, PixelChannels<Fetch>, PatchColumns<Fetch>>::bytes,
            wgrad_kernel<A, Tile, Fetch>, conv2d_patches(s), static_cast<int>(s.oc),
            static_cast<int>(splits.steps), x, dy,
            ProductTarget(in_parts ? parts.data() : whole, s.gemm_k(), in_parts ? Write::Set : write));
        if (in_parts) {
          reduce_rows(queue, reductions, splits.count, elements, SumUp<float>{}, store,
                      static_cast<const float*>(parts.data()));
        }
      });
}

}  // namespace

void conv2d_wgrad_implicit(const Queue& queue, const ReductionSpace& reductions, Precision precision,
                           const Conv2dShape& s, const Tensor& x, const Tensor& dy, const Tensor& dw,
                           Write write) {
  float* const sums = dw.data<float>();
  const StoreSum<float> store{1, write == Write::Add, sums};
  const auto launch_as = [&]<class T>(T) {
    if (exchanges(s)) {
      launch(queue, reductions, precision, exchanged(s), dy.data<T>(), x.data<T>(), nullptr, write,
             StoreExchanged{store, ExchangedWeight(s)});
    } else {
      launch(queue, reductions, precision, s, x.data<T>(), dy.data<T>(), sums, write, store);
    }
  };
  if (x.dtype() == DType::BFloat16) {
    launch_as(BFloat16{});
  } else {
    launch_as(float{});
  }
}

}  // namespace duel::cuda
