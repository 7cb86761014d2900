// What one block of a product does with a step's elements of both factors in shared memory: multiplies and
// sums, by the tensor cores or by ordinary fused multiply-adds.
//
// The elements lie there as they came from memory, of type Element. TF32 has no type of its own: a warp
// rounds float32 on its way into its registers.
//
// A thread's sums lie in `lines` rows of the tile, row(l), and in each of them in `packs` runs of `width`
// neighbours that begin at column(p); at(l, p) is the first of a run. multiply<A, B>(a, b) adds the product
// of two tiles in shared memory, which lie along k or not.
#pragma once

#include <cmath>

#include "cuda/instructions.cuh"
#include "lib/bfloat16.h"
#include "lib/product_tile.h"

namespace duel::cuda {

/// float32 as it is: a thread's sums lie so far apart that the threads of a warp read neighbours.
struct Float32Arithmetic {
  using Element = float;

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
      using A = SharedTile<float, Tile::m, a_along_k>;
      using B = SharedTile<float, Tile::n, b_along_k>;
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

/// Squares of 16 x 8 sums on the tensor cores.
template <class Tile>
class TensorCoreSums {
 public:
  static constexpr int squares_m = Tile::warp_m / Fragment::m, squares_n = Tile::warp_n / Fragment::n;
  static_assert(squares_m * Fragment::m == Tile::warp_m && squares_n * Fragment::n == Tile::warp_n);

  static constexpr int lines = 2 * squares_m, packs = squares_n, width = 2;
  __device__ static int row(int l) { return Tile::warp_row(thread()) + Fragment::line(lane()) + 8 * l; }
  __device__ static int column(int p) {
    return Tile::warp_column(thread()) + Fragment::column(lane()) + Fragment::n * p;
  }
  __device__ float* at(int l, int p) { return &sums_[l / 2][p][l % 2 * 2]; }

 protected:
  __device__ static int thread() { return static_cast<int>(threadIdx.x); }
  __device__ static int lane() { return thread() % warp_size; }

  float sums_[squares_m][squares_n][4] = {};
};

struct Tf32Arithmetic {
  using Element = float;

  template <class Tile>
  class Sums : public TensorCoreSums<Tile> {
    using Base = TensorCoreSums<Tile>;
    using Base::squares_m, Base::squares_n, Base::thread, Base::lane;

   public:
    using Base::lines;
    template <bool a_along_k, bool b_along_k>
    __device__ void multiply(const float* a, const float* b) {
      using A = SharedTile<float, Tile::m, a_along_k>;
      using B = SharedTile<float, Tile::n, b_along_k>;
      const int line = Fragment::line(lane()), step = Fragment::step(lane());
      const float* const left = a + A::place(Tile::warp_row(thread()) + line, step);
      const float* const right = b + B::place(Tile::warp_column(thread()) + line, step);
#pragma unroll
      for (int k = 0; k < product_depth; k += 8) {
        uint32_t x[squares_m][4], y[squares_n][2];
#pragma unroll
        for (int l = 0; l < lines; ++l) {
          x[l / 2][l % 2] = round_to_tf32(left[A::place(8 * l, k)]);
          x[l / 2][l % 2 + 2] = round_to_tf32(left[A::place(8 * l, k + 4)]);
        }
#pragma unroll
        for (int j = 0; j < squares_n; ++j) {
          y[j][0] = round_to_tf32(right[B::place(Fragment::n * j, k)]);
          y[j][1] = round_to_tf32(right[B::place(Fragment::n * j, k + 4)]);
        }
#pragma unroll
        for (int i = 0; i < squares_m; ++i) {
#pragma unroll
          for (int j = 0; j < squares_n; ++j) multiply_tf32(this->sums_[i][j], x[i], y[j]);
        }
      }
    }
  };
};

struct Bf16Arithmetic {
  using Element = BFloat16;

  template <class Tile>
  class Sums : public TensorCoreSums<Tile> {
    using Base = TensorCoreSums<Tile>;
    using Base::squares_m, Base::squares_n, Base::thread;

   public:
    template <bool a_along_k, bool b_along_k>
    __device__ void multiply(const BFloat16* a, const BFloat16* b) {
      using A = SharedTile<BFloat16, Tile::m, a_along_k>;
      using B = SharedTile<BFloat16, Tile::n, b_along_k>;
      const auto left = [a](int line) {
        return [a, line](int lane) {
          const auto [i, k] = loaded_row<true, a_along_k>(lane);
          return a + A::place(Tile::warp_row(thread()) + line + i, k);
        };
      };
      const auto right = [b](int line) {
        return [b, line](int lane) {
          const auto [i, k] = loaded_row<false, b_along_k>(lane);
          return b + B::place(Tile::warp_column(thread()) + line + i, k);
        };
      };
      uint32_t x[squares_m][4], y[squares_n / 2][4];
#pragma unroll
      for (int i = 0; i < squares_m; ++i) load_matrices<!a_along_k>(x[i], left(Fragment::m * i));
#pragma unroll
      for (int j = 0; j < squares_n / 2; ++j) load_matrices<!b_along_k>(y[j], right(2 * Fragment::n * j));
#pragma unroll
      for (int i = 0; i < squares_m; ++i) {
#pragma unroll
        for (int j = 0; j < squares_n; ++j) {
          const uint32_t column[2] = {y[j / 2][j % 2 * 2], y[j / 2][j % 2 * 2 + 1]};
          multiply_bf16(this->sums_[i][j], x[i], column);
        }
      }
    }
    static_assert(product_depth == 16 && squares_n % 2 == 0);
  };
};

}  // namespace duel::cuda
