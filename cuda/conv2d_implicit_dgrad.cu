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
  Conv2dShape shape;
  DgradPhase phase[most_phases];
  ChunkTable<most_phases> blocks;
};

template <class Arithmetic, int width>
__global__ void __launch_bounds__(block_threads, blocks_at_once<width>)
    dgrad_kernel(const __grid_constant__ Phases phases, const float* __restrict__ dy,
                 const float* __restrict__ weight, bool add, Epilogue epilogue, float* __restrict__ dx) {
  const Conv2dShape& s = phases.shape;
  const int number = phases.blocks.tensor_of(blockIdx.x);
  const DgradPhase& phase = phases.phase[number];
  const int block = static_cast<int>(blockIdx.x - phases.blocks.first_chunk[number]);
  const int channels = static_cast<int>(s.ic), tiles_n = (channels + tile_n - 1) / tile_n;
  const int pixels = static_cast<int>(phase.patches.rows()),
            depth = static_cast<int>(phase.patches.columns());
  const PatchRows<width> a{phase.patches, dy};
  const PhaseWeight<width> b{s, phase, weight};
  tile_product<Arithmetic>(a, b, block / tiles_n * tile_m, block % tiles_n * tile_n, 0, depth,
                           [&](int m, int n, float sum) {
                             if (m >= pixels || n >= channels) return;
                             float& target = dx[phase.pixel(s, m) * channels + n];
                             const float value = epilogue(n, sum);
                             target = add ? target + value : value;
                           });
}

}  // namespace

void conv2d_dgrad_implicit(const Queue& queue, Precision precision, const Conv2dShape& s, const float* dy,
                           const float* weight, float* dx, Write write, const Epilogue& epilogue) {
  Phases phases{s, {}, {}};
  for (int64_t p = 0; p < s.stride_h * s.stride_w; ++p) {
    const DgradPhase phase = dgrad_phase(s, p);
    phases.phase[p] = phase;
    phases.blocks.append(static_cast<int64_t>(tiles_along(phase.patches.rows(), tile_m)) *
                         tiles_along(s.ic, tile_n));
  }
  dispatch_product(precision, packed(s, dy, weight), [&]<class A>(A, auto width) {
    queue.launch(phases.blocks.chunks(), block_threads, dgrad_kernel<A, width>, phases, dy, weight,
                 write == Write::Add, epilogue, dx);
  });
}

}  // namespace duel::cuda
