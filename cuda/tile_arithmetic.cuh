// What one block of a product does with a step's elements of both factors in shared memory: multiplies and
// sums, by the tensor cores or by ordinary fused multiply-adds.
//
// The elements lie there as they came from memory, float32, for every precision; a warp rounds them on their
// way into its registers. So one pipeline serves all, and no thread touches an element before that.
//
// A thread's sums lie in `lines` rows of the tile, row(l), and in each of them in `packs` runs of `width`
// neighbours that begin at column(p); at(l, p) is the first of a run. multiply<A, B>(a, b) adds the product
// of two tiles in shared memory, which lie along k or not.
#pragma once

#include <cmath>

#include "cuda/instructions.cuh"
#include "lib/product_tile.h"

namespace duel::cuda {

/// float32 as it is: a thread's sums lie so far apart that the threads of a warp read neighbours.
struct Float32Arithmetic {
  template <class Tile>
  class Sums {
    static constexpr int threads_m = 16, threads_n = product_threads / threads_m;

   public:
    static constexpr int lines = Tile::m / threads_m, packs = Tile::n / threads_n, width = 1;
    __device__ static int row(int l) { return static_cast<int>(threadIdx.x) / threads_n + threads_m * l; }
    __device__ static int column(int p) { return static_cast<int>(threadIdx.x) % threads_n + threads_n * p; }
    __device__ float* at(int l, int p) { return &sums_[l][p]; }

    template <bool a_along_k, bool b_along_k>
    __device__ void multiply(const float* a, const float* b) {
      using A = SharedTile<Tile::m, a_along_k>;
      using B = SharedTile<Tile::n, b_along_k>;
#pragma unroll 4
      for (int k = 0; k < product_depth; ++k) {
        float x[lines], y[packs];
#pragma unroll
        for (int l = 0; l < lines; ++l) x[l] = a[A::place(row(l), k)];
#pragma unroll
        for (int p = 0; p < packs; ++p) y[p] = b[B::place(column(p), k)];
#pragma unroll
        for (int l = 0; l < lines; ++l) {
#pragma unroll
          for (int p = 0; p < packs; ++p) sums_[l][p] = std::fma(x[l], y[p], sums_[l][p]);
        }
      }
    }

   private:
    float sums_[lines][packs] = {};
  };
};

/// Squares of 16 x 8 sums on the tensor cores. `Factors` rounds and multiplies `Factors::depth` elements of k
/// at once.
template <class Factors>
struct TensorCoreArithmetic {
  template <class Tile>
  class Sums {
    static constexpr int squares_m = Tile::warp_m / Fragment::m, squares_n = Tile::warp_n / Fragment::n;
    static_assert(squares_m * Fragment::m == Tile::warp_m && squares_n * Fragment::n == Tile::warp_n);
    __device__ static int thread() { return static_cast<int>(threadIdx.x); }
    __device__ static int lane() { return thread() % warp_size; }

   public:
    static constexpr int lines = 2 * squares_m, packs = squares_n, width = 2;
    __device__ static int row(int l) { return Tile::warp_row(thread()) + Fragment::line(lane()) + 8 * l; }
    __device__ static int column(int p) {
      return Tile::warp_column(thread()) + Fragment::column(lane()) + Fragment::n * p;
    }
    __device__ float* at(int l, int p) { return &sums_[l / 2][p][l % 2 * 2]; }

    template <bool a_along_k, bool b_along_k>
    __device__ void multiply(const float* a, const float* b) {
      using A = SharedTile<Tile::m, a_along_k>;
      using B = SharedTile<Tile::n, b_along_k>;
      const int line = Fragment::line(lane()), step = Fragment::step(lane());
      const float* const left = a + A::place(Tile::warp_row(thread()) + line, step);
      const float* const right = b + B::place(Tile::warp_column(thread()) + line, step);
#pragma unroll
      for (int k = 0; k < product_depth; k += Factors::depth) {
        uint32_t x[squares_m][4], y[squares_n][2];
#pragma unroll
        for (int l = 0; l < lines; ++l) {
          const auto element = [&](int at) { return left[A::place(8 * l, k + at)]; };
          x[l / 2][l % 2] = Factors::first(element);
          x[l / 2][l % 2 + 2] = Factors::second(element);
        }
#pragma unroll
        for (int j = 0; j < squares_n; ++j) {
          const auto element = [&](int at) { return right[B::place(Fragment::n * j, k + at)]; };
          y[j][0] = Factors::first(element);
          y[j][1] = Factors::second(element);
        }
#pragma unroll
        for (int i = 0; i < squares_m; ++i) {
#pragma unroll
          for (int j = 0; j < squares_n; ++j) Factors::multiply(sums_[i][j], x[i], y[j]);
        }
      }
    }

   private:
    float sums_[squares_m][squares_n][4] = {};
  };
};

struct Tf32Factors {
  static constexpr int depth = 8;
  template <class Element>
  __device__ static uint32_t first(const Element& element) {
    return round_to_tf32(element(0));
  }
  template <class Element>
  __device__ static uint32_t second(const Element& element) {
    return round_to_tf32(element(4));
  }
  __device__ static void multiply(float (&sums)[4], const uint32_t (&x)[4], const uint32_t (&y)[2]) {
    multiply_tf32(sums, x, y);
  }
};

/// The instruction wants a lane to hold k = 2 t, 2 t + 1, 2 t + 8 and 2 t + 9. It gets t, t + 4, t + 8 and
/// t + 12 of both factors instead, which are as good, since the order of a sum is free, and lie in shared
/// memory as those of TF32 do.
struct Bf16Factors {
  static constexpr int depth = 16;
  template <class Element>
  __device__ static uint32_t first(const Element& element) {
    return round_to_bf16(element(0), element(4));
  }
  template <class Element>
  __device__ static uint32_t second(const Element& element) {
    return round_to_bf16(element(8), element(12));
  }
  __device__ static void multiply(float (&sums)[4], const uint32_t (&x)[4], const uint32_t (&y)[2]) {
    multiply_bf16(sums, x, y);
  }
};

using Tf32Arithmetic = TensorCoreArithmetic<Tf32Factors>;
using Bf16Arithmetic = TensorCoreArithmetic<Bf16Factors>;

}  // namespace duel::cuda
