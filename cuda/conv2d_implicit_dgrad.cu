// dx = D V for each phase (lib/conv2d_patches.h): rows are the phase's pixels of dx, columns input channels,
// and k runs over the taps that the phase meets and the output channels. This is also the forward of
// transposed convolution.
//
// All phases go in one launch, a block finding its own in a table: one phase alone has few blocks. No two
// blocks write to one pixel, so nothing is atomic.
#include "cuda/conv2d_factors.cuh"
#include "cuda/conv2d_implicit.h"

namespace duel::cuda {
namespace {

constexpr int most_phases = 9;

struct Phases {
  DgradPhase phase[most_phases];
  StepOrder order[most_phases];
  ChunkTable<most_phases> blocks;
};

template <class Arithmetic, class Tile, class Fetch>
__global__ void __launch_bounds__(product_threads, blocks_at_once<Tile, Fetch>)
    dgrad_kernel(const __grid_constant__ Phases phases, const float* __restrict__ dy,
                 const float* __restrict__ weight, const __grid_constant__ ProductTarget dx) {
  on_products_card([&] {
    const int number = phases.blocks.tensor_of(blockIdx.x);
    const DgradPhase phase = phases.phase[number];
    const int pixels = phase.patches.rows();
    const int tiles_n = (dx.columns + Tile::n - 1) / Tile::n;
    const int block = static_cast<int>(blockIdx.x - phases.blocks.first_chunk[number]);
    const int m = block / tiles_n * Tile::m, n = block % tiles_n * Tile::n;
    const PatchRows<Fetch::a, Fetch::whole_taps> a{phase.patches, dy};
    const PhaseWeight<Fetch::b, Fetch::whole_taps> b{phase, weight, dx.columns};
    typename Arithmetic::template Sums<Tile> sums;
    multiply_tile<Tile>(a, b, m, n, 0, product_steps(phase.patches.columns()), phases.order[number], sums);
    dx.store(sums, n, [&](int l) {
      const int row = m + sums.row(l);
      return row < pixels ? dx.row(phase.pixel(row)) : nullptr;
    });
  });
}

}  // namespace

void conv2d_dgrad_implicit(const Queue& queue, Precision precision, const Conv2dShape& s, const float* dy,
                           const float* weight, float* dx, Write write, const Epilogue& epilogue) {
  const int64_t count = s.stride_h * s.stride_w;
  const TileSize size =
      tile_size_for(count, ceil_divide(s.n * s.ih * s.iw, count), s.ic, queue.multiprocessors());
  dispatch_product<NarrowTile, true>(
      precision, size, {in_fours(s.oc, dy), in_fours(s.ic, weight), s.oc % product_depth == 0},
      [&]<class A, class Tile, class Fetch>(A, Tile, Fetch) {
        Phases phases{};
        for (int64_t p = 0; p < count; ++p) {
          const DgradPhase phase = dgrad_phase(s, p);
          const PatchMatrix& patches = phase.patches;
          phases.phase[p] = phase;
          phases.order[p] = StepOrder::taps_first(patches.channels, patches.columns());
          phases.blocks.append(int64_t{tiles_along(patches.rows(), Tile::m)} * tiles_along(s.ic, Tile::n));
        }
        queue.launch(phases.blocks.chunks(), product_threads,
                     product_shared_bytes<Tile, PatchRows<Fetch::a, Fetch::whole_taps>,
                                          PhaseWeight<Fetch::b, Fetch::whole_taps>>,
                     dgrad_kernel<A, Tile, Fetch>, phases, dy, weight,
                     ProductTarget(dx, s.ic, write, epilogue));
      });
}

}  // namespace duel::cuda
