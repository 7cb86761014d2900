// What one block of a product does with a step's elements of both factors in shared memory: multiplies and
// sums, by the tensor cores or by ordinary fused multiply-adds.
//
// The elements lie there as they came from memory, of type Element, in Shared<extent, along_k, depth>. TF32
// has no type of its own: a warp rounds float32 on its way into its registers.
//
// A thread's sums lie in `lines` rows of the tile, row(l), and in each of them in `packs` runs of `width`
// neighbours that begin at column(p); at(l, p) is the first of a run. multiply<A, B>(a, b) adds the product
// of two tiles in shared memory; if it is `asynchronous`, it only begins to.
#pragma once

#include <cmath>
#include <type_traits>

#include "cuda/instructions.cuh"
#include "cuda/product_tile.h"
#include "lib/bfloat16.h"

namespace duel::cuda {

/// float32 as it is: a thread's sums lie so far apart that the threads of a warp read neighbours.
struct Float32Arithmetic {
  using Element = float;
  static constexpr int most_depth = product_depth;
  static constexpr bool asynchronous = false;
  template <int extent, bool along_k, int depth>
  using Shared = SharedTile<Element, extent, along_k, depth>;

  template <class Tile>
  class Sums {
    static constexpr int threads_m = 16, threads_n = product_threads / threads_m;

   public:
    static constexpr int lines = Tile::m / threads_m, packs = Tile::n / threads_n, width = 1;
    __device__ static int row(int l) { return static_cast<int>(threadIdx.x) / threads_n + threads_m * l; }
    __device__ static int column(int p) { return static_cast<int>(threadIdx.x) % threads_n + threads_n * p; }
    __device__ float* at(int l, int p) { return &sums_[l][p]; }

    template <class A, class B>
    __device__ void multiply(const float* a, const float* b) {
#pragma unroll 4
      for (int k = 0; k < A::depth; ++k) {
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
  static constexpr int most_depth = product_depth;
  static constexpr bool asynchronous = false;
  template <int extent, bool along_k, int depth>
  using Shared = SharedTile<Element, extent, along_k, depth>;

  template <class Tile>
  class Sums : public TensorCoreSums<Tile> {
    using Base = TensorCoreSums<Tile>;
    using Base::squares_m, Base::squares_n, Base::thread, Base::lane;

   public:
    using Base::lines;
    template <class A, class B>
    __device__ void multiply(const float* a, const float* b) {
      const int line = Fragment::line(lane()), step = Fragment::step(lane());
      const float* const left = a + A::place(Tile::warp_row(thread()) + line, step);
      const float* const right = b + B::place(Tile::warp_column(thread()) + line, step);
#pragma unroll
      for (int k = 0; k < A::depth; k += 8) {
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
  static constexpr int most_depth = deep_product_depth;
  static constexpr bool asynchronous = false;
  template <int extent, bool along_k, int depth>
  using Shared = SharedTile<Element, extent, along_k, depth>;

  template <class Tile>
  class Sums : public TensorCoreSums<Tile> {
    using Base = TensorCoreSums<Tile>;
    using Base::squares_m, Base::squares_n, Base::thread;

   public:
    template <class A, class B>
    __device__ void multiply(const BFloat16* a, const BFloat16* b) {
#pragma unroll
      for (int k = 0; k < A::depth; k += 16) multiply_sixteen<A, B>(a, b, k);
    }

   private:
    template <class A, class B>
    __device__ void multiply_sixteen(const BFloat16* a, const BFloat16* b, int from) {
      const auto left = [a, from](int line) {
        return [a, line, from](int lane) {
          const auto [i, k] = loaded_row<true, A::along_k>(lane);
          return a + A::place(Tile::warp_row(thread()) + line + i, from + k);
        };
      };
      const auto right = [b, from](int line) {
        return [b, line, from](int lane) {
          const auto [i, k] = loaded_row<false, B::along_k>(lane);
          return b + B::place(Tile::warp_column(thread()) + line + i, from + k);
        };
      };
      uint32_t x[squares_m][4], y[squares_n / 2][4];
#pragma unroll
      for (int i = 0; i < squares_m; ++i) load_matrices<!A::along_k>(x[i], left(Fragment::m * i));
#pragma unroll
      for (int j = 0; j < squares_n / 2; ++j) load_matrices<!B::along_k>(y[j], right(2 * Fragment::n * j));
#pragma unroll
      for (int i = 0; i < squares_m; ++i) {
#pragma unroll
        for (int j = 0; j < squares_n; ++j) {
          const uint32_t column[2] = {y[j / 2][j % 2 * 2], y[j / 2][j % 2 * 2 + 1]};
          multiply_bf16(this->sums_[i][j], x[i], column);
        }
      }
    }
    static_assert(squares_n % 2 == 0);
  };
};

/// On compute capability 9.0, whose tensor cores read both factors from shared memory by themselves: the four
/// warps of a block begin a product together, as a warpgroup, and go on fetching meanwhile. bfloat16, or
/// float32, whose digits beyond those of TF32 they cut off: that is up to 2^-10 of a factor, and weights are
/// rounded before (weight_forms.h). To round all of it in shared memory took half of its rate: as much was
/// written there and read as for the products themselves.
///
/// `blocks` on a multiprocessor at once hide each other's waiting; a block that is alone on it has to have
/// more steps on their way.
template <class Element_, int blocks_>
struct GroupArithmetic {
  using Element = Element_;
  static constexpr int blocks = blocks_;
  static constexpr int shared_bytes = (216 << 10) / blocks;  // of the 227 KiB that the card has
  static constexpr int most_depth = 128 / static_cast<int>(sizeof(Element));
  static constexpr bool asynchronous = true;
  template <int extent, bool along_k, int depth>
  using Shared = GroupTile<Element, extent, along_k>;

  template <class Tile>
  class Sums {
    static constexpr int matrices = Tile::m / 64;  // of 64 rows, 16 a warp
    static_assert(matrices * 64 == Tile::m);

   public:
    static constexpr int lines = 2 * matrices, packs = Tile::n / 8, width = 2;
    __device__ static int row(int l) {
      return l / 2 * 64 + l % 2 * 8 + static_cast<int>(threadIdx.x) / warp_size * 16 + Fragment::line(lane());
    }
    __device__ static int column(int p) { return 8 * p + Fragment::column(lane()); }
    __device__ float* at(int l, int p) { return &sums_[l / 2][p][l % 2 * 2]; }

    /// Until finish() the sums are the tensor cores' alone, and until wait() says so are the factors.
    template <class A, class B>
    __device__ void multiply(const Element* a, const Element* b) {
      const uint64_t left = A::descriptor(shared_address(a)), right = B::descriptor(shared_address(b));
      begin_group_products();
#pragma unroll
      for (int k = 0; k < A::depth / A::k_of_product; ++k) {
#pragma unroll
        for (int i = 0; i < matrices; ++i) {
          const uint64_t above = left + (i * A::next_sixty_four + k * A::next_product) / 16,
                         beside = right + k * B::next_product / 16;
          if constexpr (std::is_same_v<Element, float>) {
            multiply_group_tf32(sums_[i], above, beside);
          } else {
            multiply_group_bf16<!A::along_k, !B::along_k>(sums_[i], above, beside);
          }
        }
      }
      end_group_products();
    }
    /// Waits for all steps but the last one.
    __device__ void wait() { wait_group_products<1>(); }
    __device__ void finish() {
      wait_group_products<0>();
#pragma unroll
      for (int i = 0; i < matrices; ++i) keep_behind_wait(sums_[i]);
    }

   private:
    __device__ static int lane() { return static_cast<int>(threadIdx.x) % warp_size; }

    float sums_[matrices][packs][4] = {};
  };
};

}  // namespace duel::cuda
