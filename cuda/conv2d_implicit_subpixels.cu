// dx = P V^T over squares of pixels (cuda/conv2d_subpixels.h), for the data gradients of strided convolutions
// whose squares have few columns: those of pictures. All columns lie in one tile of 16, so dy is read once
// for each tap that a square meets: 9 times where the kernel is 4 x 4 and the stride 2, instead of the 16 of
// phases. What is fetched is the limit.
//
// V, a few thousand elements, is laid out by a launch of its own, a thread an element.
#include "cuda/conv2d_factors.cuh"
#include "cuda/conv2d_implicit.h"
#include "cuda/conv2d_subpixels.h"
#include "cuda/kernel_order.cuh"
#include "cuda/launch.h"

namespace duel::cuda {
namespace {

/// To what the tensor cores take.
__device__ BFloat16 rounded(BFloat16 x) { return x; }
__device__ float rounded(float x) { return rounded_to_tf32(x); }

template <class T>
__global__ void __launch_bounds__(block_threads)
    subpixel_weight_kernel(int64_t elements, const __grid_constant__ Subpixels subpixels, const T* weight,
                           T* __restrict__ laid_out) {
  begin_kernel();
  const int pitch = subpixels.patches.columns();
  const auto [first, step] = thread_items(blockIdx.x, static_cast<int>(threadIdx.x), gridDim.x);
  for (int64_t i = first; i < elements; i += step) {
    const int from = subpixels.weight(static_cast<int>(i / pitch), static_cast<int>(i % pitch));
    laid_out[i] = from < 0 ? T{} : rounded(weight[from]);
  }
}

template <class Arithmetic, class Fetch>
__global__ void __launch_bounds__(product_threads, blocks_at_once<Arithmetic, NarrowTile, Fetch>)
    subpixels_kernel(const __grid_constant__ Subpixels subpixels, const typename Fetch::Element* dy,
                     const typename Fetch::Element* weight, const __grid_constant__ ProductTarget dx) {
  begin_kernel();
  on_products_card<Arithmetic>([&] {
    const int squares = subpixels.patches.rows(), depth = subpixels.patches.columns(),
              first = static_cast<int>(blockIdx.x) * NarrowTile::m;
    const PatchRows<Fetch> a{subpixels.patches, dy};
    const WeightRows<Fetch> b{weight, dx.columns, depth};
    typename Arithmetic::template Sums<NarrowTile> sums;
    multiply_tile<Arithmetic, NarrowTile>(
        a, b, first, 0, 0, product_steps(depth, Fetch::depth),
        StepOrder<Fetch::depth>::taps_first(subpixels.patches.channels, depth), sums);
    dx.store_placed<NarrowTile>(
        sums, 0,
        [&](int i) {
          const int square = first + i;
          return square < squares ? subpixels.square(square) : -1;
        },
        subpixels);
  });
}

template <class T>
void launch(const Queue& queue, CachingAllocator& allocator, Precision precision, const Conv2dShape& s,
            const T* dy, const T* weight, const ProductTarget& dx) {
  const Subpixels subpixels = subpixels_of(s);
  const int64_t elements = int64_t{subpixels.columns()} * subpixels.patches.columns();
  const Scratch<T> laid_out(allocator, elements);
  queue.launch(blocks_for(elements, queue.resident_blocks()), block_threads, subpixel_weight_kernel<T>,
               elements, subpixels, weight, laid_out.data());
  const auto launch_as = [&]<class Arithmetic>(Arithmetic) {
    constexpr int pack = pack_width<T>;
    using Best = Fetch<T, pack, pack, true, Arithmetic::most_depth>;
    queue.launch(NarrowTile::blocks(subpixels.patches.rows(), subpixels.columns()), product_threads,
                 ProductMemory<Arithmetic, NarrowTile, PatchRows<Best>, WeightRows<Best>>::bytes,
                 subpixels_kernel<Arithmetic, Best>, subpixels, dy, laid_out.data(), dx);
  };
  if (as_group<T>(queue, precision, {true, true, s.oc})) {
    launch_as(GroupArithmetic<T, narrow_group_blocks>{});
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    launch_as(Bf16Arithmetic{});
  } else {
    launch_as(Tf32Arithmetic{});
  }
}

}  // namespace

bool fits_subpixels(const Conv2dShape& s, Precision precision, const Tensor& dy) {
  const bool tensor_cores = dy.dtype() == DType::BFloat16 || precision == Precision::Tf32;
  const int64_t columns = s.stride_h * s.stride_w * s.ic;
  if (!tensor_cores || s.stride_h * s.stride_w == 1 || columns > NarrowTile::n ||
      s.stride_w * s.ic % 2 != 0 || !divides_into_squares(s) || !whole_taps(s.oc, deep_product_depth))
    return false;
  constexpr int64_t limit = int64_t{1} << 31;
  const int64_t line = s.stride_h * s.iw * s.ic, row = columns * (s.kh + s.stride_h) * (s.kw + s.stride_w);
  return line < limit && row * s.oc < limit &&
         aligned_to_pack<pack_width<float>>(static_cast<const float*>(dy.raw()));
}

void conv2d_dgrad_subpixels(const Queue& queue, CachingAllocator& allocator, Precision precision,
                            const Conv2dShape& s, const Tensor& dy, const Tensor& weight, const Tensor& dx,
                            Write write, const Epilogue& epilogue) {
  const ProductTarget target = ProductTarget::of(dx, s.stride_h * s.stride_w * s.ic, write, epilogue);
  if (dy.dtype() == DType::BFloat16) {
    launch(queue, allocator, precision, s, dy.data<BFloat16>(), weight.data<BFloat16>(), target);
  } else {
    launch(queue, allocator, precision, s, dy.data<float>(), weight.data<float>(), target);
  }
}

}  // namespace duel::cuda
