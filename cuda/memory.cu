// Copies, fills, random numbers, and pixels to floats.
#include "cuda/cuda_kernels.h"
#include "cuda/kernel_order.cuh"
#include "cuda/map.cuh"
#include "lib/placement.h"

namespace duel::cuda {
namespace {

template <class T>
struct Fill {
  T value;
  DUEL_HOST_DEVICE T operator()() const { return value; }
};

template <class T>
struct PixelValue {
  DUEL_HOST_DEVICE T operator()(uint8_t pixel) const { return pixel_value<T>(pixel); }
};

/// One thread a Philox block, which gives four neighbouring elements. The generator's rounds and, for normal
/// numbers, the double-precision logarithm, sine and cosine are the limit, not memory; they give the same
/// numbers as on the CPU, but for a last bit where the two mathematical libraries round differently.
template <class T, class F>
__global__ void __launch_bounds__(block_threads)
    random_kernel(F f, uint64_t seed, uint64_t stream, const int64_t* position, int64_t n, T* x) {
  begin_kernel();
  const auto [first, step] = thread_items(blockIdx.x, static_cast<int>(threadIdx.x), gridDim.x);
  const int64_t next = *position;
  for (int64_t b = first; 4 * b < n; b += step) {
    const PhiloxBlock block = philox4x32_10(seed, stream, static_cast<uint64_t>(next + b));
#pragma unroll
    for (int lane = 0; lane < 4; ++lane) {
      if (4 * b + lane < n) x[4 * b + lane] = converted<T>(f.value(block, lane));
    }
  }
}

/// A launch of its own: all threads of the one before must have read the position first.
__global__ void advance_kernel(int64_t* position, int64_t blocks) {
  begin_kernel();
  *position += blocks;
}

/// So many numbers of a picture share what each thread has to find out: a division, and ten rounds of Philox.
constexpr int numbers_of_a_thread = 4;

/// A block takes a piece of one picture, of which there are `pieces`, so that which picture it is, and
/// whether it is mirrored, is found out once a thread.
template <class T>
__global__ void __launch_bounds__(block_threads)
    pick_pictures_kernel(int pieces, PicturePlacement placement, PictureFlips flips, const uint8_t* set,
                         const int64_t* order, T* __restrict__ y) {
  begin_kernel();
  const int picture = static_cast<int>(blockIdx.x) / pieces, piece = static_cast<int>(blockIdx.x) % pieces;
  const bool flipped = flips(picture);
  const uint8_t* const from = set + placement.first(order[picture]);
  T* const to = y + placement.first(picture);
  const auto [first, step] = thread_items(piece, static_cast<int>(threadIdx.x), pieces);
#pragma unroll 4
  for (int64_t i = first; i < placement.elements(); i += step)
    to[i] = pixel_value<T>(from[placement.source(static_cast<int>(i), flipped)]);
}

}  // namespace

void CudaKernels::copy(const Tensor& source, const Tensor& target) {
  DUEL_CUDA(
      cudaMemcpyAsync(target.raw(), source.raw(), source.bytes(), cudaMemcpyDeviceToDevice, queue_.stream()));
}

void CudaKernels::upload(const void* host, const Tensor& target) {
  recorder_.check_not_recording("an upload");
  join();
  staging_.upload(host, target.raw(), target.bytes());
}

void CudaKernels::download(const Tensor& source, void* host) {
  recorder_.check_not_recording("a download");
  join();
  DUEL_CUDA(cudaMemcpyAsync(host, source.raw(), source.bytes(), cudaMemcpyDeviceToHost, queue_.stream()));
  queue_.synchronize();
}

std::unique_ptr<Kernels::Download> CudaKernels::start_download(const Tensor& source) {
  recorder_.check_not_recording("a download");
  join();
  return std::make_unique<PageLockedDownload>(queue_, page_locked_, source);
}

void CudaKernels::fill(const Tensor& x, double value) {
  const auto fill_as = [&](auto type) {
    using T = decltype(type);
    map(queue_, x.numel(), Fill<Computed<T>>{static_cast<Computed<T>>(value)}, Write::Set, x.data<T>());
  };
  switch (x.dtype()) {
    case DType::Float32:
      return fill_as(float{});
    case DType::Float64:
      return fill_as(double{});
    case DType::BFloat16:
      return fill_as(BFloat16{});
    case DType::UInt8:
      return fill_as(uint8_t{});
    case DType::Int64:
      return fill_as(int64_t{});
  }
}

void CudaKernels::random(const Distribution& distribution, uint64_t seed, uint64_t stream,
                         const Tensor& position, const Tensor& x) {
  const int64_t n = x.numel(), blocks = ceil_divide(n, 4);
  dispatch_stored_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    std::visit(
        [&]<class F>(const F& f) {
          queue_.launch(blocks_for(blocks, queue_.resident_blocks()), block_threads, random_kernel<T, F>, f,
                        seed, stream, position.data<int64_t>(), n, x.data<T>());
        },
        distribution);
  });
  queue_.launch(1, 1, advance_kernel, position.data<int64_t>(), blocks);
}

void CudaKernels::pixels_to_float(const Tensor& pixels, const Tensor& y) {
  const uint8_t* const from = pixels.data<uint8_t>();
  dispatch_float(y.dtype(), [&](auto type) {
    using T = decltype(type);
    map(queue_, y.numel(), PixelValue<T>{}, Write::Set, y.data<T>(), from);
  });
}

void CudaKernels::pick_pictures(const Tensor& set, const Tensor& order, const PictureFlips& flips,
                                const Tensor& y) {
  const PicturePlacement placement = PicturePlacement::of(y.shape());
  const int64_t pieces = ceil_divide(placement.elements(), numbers_of_a_thread * block_threads);
  dispatch_float(y.dtype(), [&](auto type) {
    using T = decltype(type);
    queue_.launch(y.dim(0) * pieces, block_threads, pick_pictures_kernel<T>, static_cast<int>(pieces),
                  placement, flips, set.data<uint8_t>(), order.data<int64_t>(), y.data<T>());
  });
}

}  // namespace duel::cuda
