// A tile of a matrix product whose factors are not there: their elements are looked up on the way.
//
// While the tensor cores work on one step of k in shared memory, the next one is under way from memory into
// registers; then it is rounded and stored into the other half of shared memory. One barrier a step. A thread
// fetches packs of neighbouring floats, and always at the same place along one side of the tile, so that what
// it has to know about a row or column of a factor is computed once, or once a step.
//
// A factor is a struct with
//   width          floats in a pack
//   along_k        whether a pack runs along k, or along m or n
//   Line, line(i)  what is to be known of row or column i (of m or n), valid or not
//   Step, step(k)  what is to be known of element k, likewise
//   load(line, step)  the pack that begins there; zeros where either is not valid
#pragma once

#include "cuda/pack.cuh"
#include "cuda/tile_arithmetic.cuh"

namespace duel::cuda {

/// One factor's tiles on their way: fetch() from memory into registers, store() from there into shared
/// memory.
template <class Arithmetic, class Factor, int extent>
class TileStream {
 public:
  using Element = typename Arithmetic::Element;
  using Tile = SharedTile<Element, extent, Factor::along_k>;

  __device__ TileStream(const Factor& factor, int first) : factor_(factor) {
#pragma unroll
    for (int p = 0; p < lines; ++p) lines_[p] = factor.line(first + line_of(p));
  }
  __device__ void fetch(int k) {
    if constexpr (Factor::along_k) {
      const typename Factor::Step step = factor_.step(k + step_of(0));
#pragma unroll
      for (int p = 0; p < packs; ++p) packs_[p] = factor_.load(lines_[p], step);
    } else {
#pragma unroll
      for (int p = 0; p < packs; ++p) packs_[p] = factor_.load(lines_[0], factor_.step(k + step_of(p)));
    }
  }
  __device__ void store(Element* tile) const {
#pragma unroll
    for (int p = 0; p < packs; ++p) {
      Pack<Element, width> rounded;
#pragma unroll
      for (int i = 0; i < width; ++i) rounded.lane[i] = Arithmetic::round(packs_[p].lane[i]);
      *reinterpret_cast<Pack<Element, width>*>(tile + Tile::place(line_of(p), step_of(p))) = rounded;
    }
  }

 private:
  static constexpr int width = Factor::width;
  static constexpr int packs = extent * Tile::depth / (width * block_threads);
  static constexpr int lines = Factor::along_k ? packs : 1;
  static constexpr int packs_a_line = (Factor::along_k ? Tile::depth : extent) / width;
  static_assert(block_threads % packs_a_line == 0 && packs * width * block_threads == extent * Tile::depth);

  // Pack p of a thread: threads lie side by side along the packs of a line.
  __device__ static int beside(int) { return static_cast<int>(threadIdx.x) % packs_a_line * width; }
  __device__ static int below(int p) {
    return static_cast<int>(threadIdx.x) / packs_a_line + p * (block_threads / packs_a_line);
  }
  __device__ static int line_of(int p) { return Factor::along_k ? below(p) : beside(p); }
  __device__ static int step_of(int p) { return Factor::along_k ? beside(p) : below(p); }

  const Factor& factor_;
  typename Factor::Line lines_[lines];
  Pack<float, width> packs_[packs];
};

/// Sums a(m, k) b(k, n) over k in [k_begin, k_end) for the tile that begins at (m, n), and calls
/// put(m, n, sum) for each element of the tile, valid or not, neighbouring threads for neighbouring n.
template <class Arithmetic, class A, class B, class Put>
__device__ void tile_product(const A& a, const B& b, int m, int n, int k_begin, int k_end, const Put& put) {
  using Element = typename Arithmetic::Element;
  using StreamA = TileStream<Arithmetic, A, tile_m>;
  using StreamB = TileStream<Arithmetic, B, tile_n>;
  constexpr int depth = StreamA::Tile::depth;
  constexpr int step_elements = StreamA::Tile::elements + StreamB::Tile::elements;
  constexpr int sums_bytes = tile_m * sums_line * static_cast<int>(sizeof(float));
  constexpr int steps_bytes = 2 * step_elements * static_cast<int>(sizeof(Element));
  alignas(32) __shared__ char shared[sums_bytes > steps_bytes ? sums_bytes : steps_bytes];
  Element* const halves = reinterpret_cast<Element*>(shared);
  const auto half = [&](int step) { return halves + step % 2 * step_elements; };

  StreamA stream_a(a, m);
  StreamB stream_b(b, n);
  typename Arithmetic::Sums sums;
  const int steps = (k_end - k_begin + depth - 1) / depth;
  if (steps > 0) {
    stream_a.fetch(k_begin);
    stream_b.fetch(k_begin);
    stream_a.store(half(0));
    stream_b.store(half(0) + StreamA::Tile::elements);
  }
  for (int step = 0; step < steps; ++step) {
    __syncthreads();
    const bool more = step + 1 < steps;
    if (more) {
      stream_a.fetch(k_begin + (step + 1) * depth);
      stream_b.fetch(k_begin + (step + 1) * depth);
    }
    sums.template multiply<A::along_k, B::along_k>(half(step), half(step) + StreamA::Tile::elements);
    if (more) {
      stream_a.store(half(step + 1));
      stream_b.store(half(step + 1) + StreamA::Tile::elements);
    }
  }
  __syncthreads();
  float* const all = reinterpret_cast<float*>(shared);
  sums.store(all);
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < tile_m * tile_n; i += block_threads)
    put(m + i / tile_n, n + i % tile_n, all[i / tile_n * sums_line + i % tile_n]);
}

}  // namespace duel::cuda
