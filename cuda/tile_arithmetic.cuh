// What one block of a product does with a tile of each factor in shared memory: multiplies and sums, by the
// tensor cores or by ordinary fused multiply-adds.
//
// A block computes 128 x 64 sums with 8 warps, each a square of 32 x 32: what it fetches from memory is used
// 64 and 128 times over, and 32 sums a thread leave registers for the fetches of the next step. Tiles of a
// factor are 64 bytes deep, either way of lying: along k (rows of `depth` elements) or across it. Every row
// is followed by 16 unused bytes, so that the rows a warp reads at once begin in different banks.
#pragma once

#include <cuda_bf16.h>
#include <mma.h>

#include <cmath>
#include <type_traits>

#include "lib/launch.h"

namespace duel::cuda {

constexpr int tile_m = 128, tile_n = 64;
constexpr int warp_size = 32, warp_square = 32;
constexpr int warps_m = tile_m / warp_square;
static_assert(warps_m * (tile_n / warp_square) * warp_size == block_threads);

/// A tile of `extent` rows or columns of a factor, in shared memory; elements of k are neighbours if
/// `along_k`.
template <class Element, int extent, bool along_k>
struct SharedTile {
  static constexpr int depth = 64 / static_cast<int>(sizeof(Element));
  static constexpr int line = (along_k ? depth : extent) + 16 / static_cast<int>(sizeof(Element));
  static constexpr int elements = line * (along_k ? extent : depth);

  __device__ static int place(int i, int k) { return along_k ? i * line + k : k * line + i; }
};

/// Sums of one step after the other, in registers.
///   Element    what the factors are rounded to in shared memory, by round()
///   multiply   adds the product of two tiles
///   store      writes the sums as rows of `sums_line` floats
constexpr int sums_line = tile_n + 4;

/// float32 as it is: a thread has 8 x 4 sums, 16 apart, so that a warp reads few different words at a time.
struct Float32Arithmetic {
  using Element = float;
  __device__ static float round(float x) { return x; }

  class Sums {
   public:
    template <bool a_along_k, bool b_along_k>
    __device__ void multiply(const float* a, const float* b) {
      using A = SharedTile<float, tile_m, a_along_k>;
      using B = SharedTile<float, tile_n, b_along_k>;
      const int row = static_cast<int>(threadIdx.x) / spacing,
                column = static_cast<int>(threadIdx.x) % spacing;
      for (int k = 0; k < A::depth; ++k) {
        float x[rows], y[columns];
#pragma unroll
        for (int i = 0; i < rows; ++i) x[i] = a[A::place(row + spacing * i, k)];
#pragma unroll
        for (int j = 0; j < columns; ++j) y[j] = b[B::place(column + spacing * j, k)];
#pragma unroll
        for (int i = 0; i < rows; ++i) {
#pragma unroll
          for (int j = 0; j < columns; ++j) sums_[i][j] = std::fma(x[i], y[j], sums_[i][j]);
        }
      }
    }
    __device__ void store(float* sums) const {
      const int row = static_cast<int>(threadIdx.x) / spacing,
                column = static_cast<int>(threadIdx.x) % spacing;
#pragma unroll
      for (int i = 0; i < rows; ++i) {
#pragma unroll
        for (int j = 0; j < columns; ++j)
          sums[(row + spacing * i) * sums_line + column + spacing * j] = sums_[i][j];
      }
    }

   private:
    static constexpr int spacing = 16, rows = tile_m / spacing, columns = tile_n / spacing;
    float sums_[rows][columns] = {};
  };
};

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800

// The tensor cores of Turing know neither type; the host does not ask for them there.
struct Tf32Arithmetic : Float32Arithmetic {};
struct Bf16Arithmetic : Float32Arithmetic {};

#else

/// Squares of 16 x 16 sums on the tensor cores, `step` elements of k at a time.
template <class Element, class Factor, int step>
class TensorCoreSums {
 public:
  __device__ TensorCoreSums() {
#pragma unroll
    for (int i = 0; i < squares; ++i) {
#pragma unroll
      for (int j = 0; j < squares; ++j) nvcuda::wmma::fill_fragment(sums_[i][j], 0.0f);
    }
  }
  template <bool a_along_k, bool b_along_k>
  __device__ void multiply(const Element* a, const Element* b) {
    using namespace nvcuda;
    using A = SharedTile<Element, tile_m, a_along_k>;
    using B = SharedTile<Element, tile_n, b_along_k>;
    using LayoutA = std::conditional_t<a_along_k, wmma::row_major, wmma::col_major>;
    using LayoutB = std::conditional_t<b_along_k, wmma::col_major, wmma::row_major>;
#pragma unroll
    for (int k = 0; k < A::depth; k += step) {
      wmma::fragment<wmma::matrix_a, 16, 16, step, Factor, LayoutA> x[squares];
      wmma::fragment<wmma::matrix_b, 16, 16, step, Factor, LayoutB> y[squares];
#pragma unroll
      for (int i = 0; i < squares; ++i) {
        wmma::load_matrix_sync(x[i], a + A::place(row() + 16 * i, k), A::line);
        wmma::load_matrix_sync(y[i], b + B::place(column() + 16 * i, k), B::line);
      }
#pragma unroll
      for (int i = 0; i < squares; ++i) {
#pragma unroll
        for (int j = 0; j < squares; ++j) wmma::mma_sync(sums_[i][j], x[i], y[j], sums_[i][j]);
      }
    }
  }
  __device__ void store(float* sums) const {
    using namespace nvcuda;
#pragma unroll
    for (int i = 0; i < squares; ++i) {
#pragma unroll
      for (int j = 0; j < squares; ++j) {
        wmma::store_matrix_sync(sums + (row() + 16 * i) * sums_line + column() + 16 * j, sums_[i][j],
                                sums_line, wmma::mem_row_major);
      }
    }
  }

 private:
  static constexpr int squares = warp_square / 16;
  __device__ static int row() { return static_cast<int>(threadIdx.x) / warp_size % warps_m * warp_square; }
  __device__ static int column() { return static_cast<int>(threadIdx.x) / warp_size / warps_m * warp_square; }

  nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, step, float> sums_[squares][squares];
};

struct Tf32Arithmetic {
  using Element = float;
  __device__ static float round(float x) { return nvcuda::wmma::__float_to_tf32(x); }
  using Sums = TensorCoreSums<float, nvcuda::wmma::precision::tf32, 8>;
};

struct Bf16Arithmetic {
  using Element = __nv_bfloat16;
  __device__ static __nv_bfloat16 round(float x) { return __float2bfloat16(x); }
  using Sums = TensorCoreSums<__nv_bfloat16, __nv_bfloat16, 16>;
};

#endif

}  // namespace duel::cuda
