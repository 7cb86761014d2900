// dx = D V for each phase (cuda/conv2d_patches.h): rows are the phase's pixels of dx, columns input channels,
// and k runs over the taps that the phase meets and the output channels. This is also the forward of
// transposed convolution.
//
// All phases go in one launch, a block finding its own in a table: one phase alone has few blocks. No two
// blocks write to one pixel, so nothing is atomic.
#include "cuda/conv2d_factors.cuh"
#include "cuda/conv2d_implicit.h"
#include "cuda/kernel_order.cuh"
#include "cuda/padded_rows.h"

namespace duel::cuda {
namespace {

struct Phases {
  DgradPhase phase[most_phases];
  ChunkTable<most_phases> blocks;
};

/// The weight as a kind of product fetches it.
template <class Arithmetic, class Fetch>
using Weight = std::conditional_t<Arithmetic::asynchronous && std::is_same_v<typename Fetch::Element, float>,
                                  TurnedPhaseWeight<Fetch>, PhaseWeight<Fetch>>;

template <class Arithmetic, class Tile, class Fetch>
__global__ void __launch_bounds__(product_threads, blocks_at_once<Arithmetic, Tile, Fetch>)
    dgrad_kernel(const __grid_constant__ Phases phases, const typename Fetch::Element* dy,
                 const typename Fetch::Element* weight, const __grid_constant__ ProductTarget dx) {
  begin_kernel();
  on_products_card<Arithmetic>([&] {
    const int number = phases.blocks.tensor_of(blockIdx.x);
    const DgradPhase phase = phases.phase[number];  // out of the arguments, which would be read every step
    const int pixels = phase.patches.rows(), depth = phase.patches.columns();
    const typename Tile::Place tile =
        Tile::place(static_cast<int>(blockIdx.x - phases.blocks.first_chunk[number]), dx.columns);
    const PatchRows<Fetch> a{phase.patches, dy};
    const Weight<Arithmetic, Fetch> b{phase, weight, dx.columns};
    typename Arithmetic::template Sums<Tile> sums;
    multiply_tile<Arithmetic, Tile>(a, b, tile.m, tile.n, 0, product_steps(depth, Fetch::depth),
                                    StepOrder<Fetch::depth>::taps_first(phase.patches.channels, depth), sums);
    dx.store<Tile>(sums, tile.n, [&](int i) {
      const int row = tile.m + i;
      return row < pixels ? phase.pixel(row) : -1;
    });
  });
}

template <class T>
void launch(const Queue& queue, Precision precision, const Conv2dShape& s, const T* dy, const T* weight,
            const Layout& layout, const WeightStrides& strides, const ProductTarget& dx) {
  constexpr bool padded = padded_weight<T>;
  const int64_t count = s.stride_h * s.stride_w;
  const int64_t pixels = ceil_divide(s.n * s.ih * s.iw, count);  // of a phase
  const TileSize size =
      tile_size_for(count, pixels, s.ic, queue.multiprocessors(), as_group<T>(queue, precision, layout));
  dispatch_product<T, NarrowTile,
                   ProductKind{.taps = true, .right_packs = padded, .left_alone = !padded, .across = false}>(
      queue, precision, size, layout, [&](auto tile, int) { return count * tile.blocks(pixels, s.ic); },
      [&]<class A, class Tile, class Fetch>(A, Tile, Fetch) {
        Phases phases{};
        for (int64_t p = 0; p < count; ++p) {
          phases.phase[p] = dgrad_phase(s, p, strides);
          phases.blocks.append(Tile::blocks(phases.phase[p].patches.rows(), s.ic));
        }
        queue.launch(phases.blocks.chunks(), product_threads,
                     ProductMemory<A, Tile, PatchRows<Fetch>, Weight<A, Fetch>>::bytes,
                     dgrad_kernel<A, Tile, Fetch>, phases, dy, weight, dx);
      });
}

}  // namespace

void conv2d_dgrad_implicit(const Queue& queue, CachingAllocator& allocator, Precision precision,
                           const Conv2dShape& s, const Tensor& dy, const Tensor& weight, const Tensor& dx,
                           Write write, const Epilogue& epilogue) {
  if (fits_subpixels(s, precision, dy))
    return conv2d_dgrad_subpixels(queue, allocator, precision, s, dy, weight, dx, write, epilogue);
  const ProductTarget target = ProductTarget::of(dx, s.ic, write, epilogue);
  if (dy.dtype() == DType::BFloat16) {
    const PaddedRows rows(queue, allocator, weight.data<BFloat16>(), s.oc * s.kh * s.kw, s.ic);
    const auto* const from = dy.data<BFloat16>();
    return launch(queue, precision, s, from, rows.data(), {in_packs(s.oc, from), true, s.oc},
                  weight_strides(s, rows.pitch()), target);
  }
  const auto* const from = dy.data<float>();
  const Layout turned{in_packs(s.oc, from), true, s.oc};
  if (as_group<float>(queue, precision, turned))
    return launch<float>(queue, precision, s, from, weight.form(Form::Tf32Turned).data<float>(), turned,
                         turned_weight_strides(s), target);
  const auto* const factor = weight.data<float>();
  launch<float>(queue, precision, s, from, factor, {turned.a_in_packs, in_packs(s.ic, factor), s.oc},
                weight_strides(s, s.ic), target);
}

}  // namespace duel::cuda
