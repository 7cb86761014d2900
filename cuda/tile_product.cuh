// A tile of a matrix product whose factors are not there: their elements are looked up on the way.
//
// Elements go from memory to shared memory by asynchronous copies, so that no register holds what is under
// way: while the tensor cores work on one step of k, the next ones are arriving. With one barrier a step: it
// tells that the step's elements have come for all threads, and that all have done with those of the step
// before, in whose place the copies of a later one then go.
//
// A thread fetches packs of neighbouring elements, and always at the same place along one side of the tile,
// so that what it has to know about a row or column of a factor is computed once, or once a step. What an
// element costs in instructions counts: a warp that looks up addresses does not multiply meanwhile.
//
// A factor is a struct with
//   Element        their type, the same for both factors
//   width          elements in a pack
//   along_k        whether a pack runs along k, or along m or n
//   Line, line(i)        what is to be known of row or column i (of m or n), valid or not
//   Step, step(k, ahead) what is to be known of element k + ahead, likewise, of the step that begins at k
//   depth          elements of k in a step
//   source(line, step)   where the pack is
#pragma once

#include <algorithm>
#include <type_traits>

#include "cuda/pack.cuh"
#include "cuda/product_target.cuh"
#include "cuda/tile_arithmetic.cuh"

namespace duel::cuda {

/// Where a block's steps lie in shared memory: `stages` at once.
template <class Arithmetic, class Tile, class A, class B>
struct ProductMemory {
  using Left = typename Arithmetic::template Shared<Tile::m, A::along_k, A::depth>;
  using Right = typename Arithmetic::template Shared<Tile::n, B::along_k, B::depth>;
  static constexpr int elements = Left::elements + Right::elements;  // of a step
  static constexpr int step_bytes = elements * static_cast<int>(sizeof(typename A::Element));

  static constexpr int stages = [] {
    if constexpr (Arithmetic::asynchronous) {
      return std::min(Arithmetic::shared_bytes / step_bytes, 8);
    } else {
      return A::depth > product_depth ? 3 : 4;
    }
  }();
  static_assert(stages > 2);
  /// What a block needs; where tiles have to begin on more than 16 bytes, so much more. In the end its sums
  /// take the steps' place.
  static constexpr int bytes = std::max(
      stages * step_bytes + (Arithmetic::asynchronous ? group_alignment : 0), SumsInShared<Tile>::bytes);
  static_assert(Arithmetic::asynchronous || bytes <= 99 << 10, "compute capability 8.6 has no more");
};

/// The shared memory that a kernel was given, from the next multiple of `alignment` on.
template <class T, uint32_t alignment>
__device__ T* aligned_shared() {
  char* const given = dynamic_shared<char>();
  return reinterpret_cast<T*>(given + (alignment - shared_address(given) % alignment) % alignment);
}

/// A pack in memory; zeros if it is not valid, and then `at` may be any place where a pack could begin.
template <class Element>
struct Source {
  const Element* at;
  bool valid;
};

/// One factor's elements on their way into shared memory.
template <class Arithmetic, class Factor, int extent>
class TileStream {
 public:
  using Element = typename Factor::Element;
  using Tile = typename Arithmetic::template Shared<extent, Factor::along_k, Factor::depth>;

  __device__ TileStream(const Factor& factor, int first) : factor_(factor) {
#pragma unroll
    for (int p = 0; p < lines; ++p) lines_[p] = factor.line(first + line_of(p));
  }
  /// Starts to copy the elements of the step that begins at k.
  __device__ void fetch(int k, Element* tile) const {
    if (threads < product_threads && static_cast<int>(threadIdx.x) >= threads) return;
    Element* const target = tile + Tile::place(line_of(0), step_of(0));
    if constexpr (Factor::along_k) {
      const typename Factor::Step step = factor_.step(k, step_of(0));
      copy([&](int p) { return factor_.source(lines_[p], step); },
           [&](int p) { return target + Tile::place(p * further, 0); });
    } else {
      copy([&](int p) { return factor_.source(lines_[0], factor_.step(k, step_of(p))); },
           [&](int p) { return target + Tile::place(0, p * further); });
    }
  }

 private:
  static constexpr int width = Factor::width;
  static constexpr int all_packs = extent * Factor::depth / width;
  static constexpr int threads = all_packs < product_threads ? all_packs : product_threads;
  static constexpr int packs = all_packs / threads;
  static constexpr int lines = Factor::along_k ? packs : 1;
  static constexpr int packs_a_line = (Factor::along_k ? Factor::depth : extent) / width;
  static_assert(threads % packs_a_line == 0 && packs * threads == all_packs);

  /// Pack p from source_of(p) to target_of(p). There is no asynchronous copy of two bytes: single elements of
  /// bfloat16 go through registers, all of a thread at once, so that it waits for them once a step.
  template <class SourceOf, class TargetOf>
  __device__ static void copy(const SourceOf& source_of, const TargetOf& target_of) {
    constexpr int bytes = width * static_cast<int>(sizeof(Element));
    if constexpr (bytes >= 4) {
#pragma unroll
      for (int p = 0; p < packs; ++p) {
        const Source<Element> source = source_of(p);
        copy_async<bytes>(target_of(p), source.at, source.valid);
      }
    } else {
      Element elements[packs];
#pragma unroll
      for (int p = 0; p < packs; ++p) {
        const Source<Element> source = source_of(p);
        elements[p] = source.valid ? *source.at : Element{};
      }
#pragma unroll
      for (int p = 0; p < packs; ++p) *target_of(p) = elements[p];
    }
  }
  // Pack p of a thread: threads lie side by side along the packs of a line, `further` apart each time.
  static constexpr int further = threads / packs_a_line;
  __device__ static int beside() { return static_cast<int>(threadIdx.x) % packs_a_line * width; }
  __device__ static int below(int p) { return static_cast<int>(threadIdx.x) / packs_a_line + p * further; }
  __device__ static int line_of(int p) { return Factor::along_k ? below(p) : beside(); }
  __device__ static int step_of(int p) { return Factor::along_k ? beside() : below(p); }

  const Factor& factor_;
  typename Factor::Line lines_[lines];
};

/// Adds to `sums` a(m, k) b(k, n) over `steps` steps of k, from k on in the given order, for the tile that
/// begins at (m, n).
template <class Arithmetic, class Tile, class A, class B, class Sums>
__device__ void multiply_tile(const A& a, const B& b, int m, int n, int k, int steps,
                              const StepOrder<A::depth>& order, Sums& sums) {
  using Memory = ProductMemory<Arithmetic, Tile, A, B>;
  using Element = typename A::Element;
  constexpr bool asynchronous = Arithmetic::asynchronous;
  Element* const shared =
      asynchronous ? aligned_shared<Element, group_alignment>() : dynamic_shared<Element>();
  const auto left = [&](int step) { return shared + step % Memory::stages * Memory::elements; };
  const auto right = [&](int step) { return left(step) + Memory::Left::elements; };

  const TileStream<Arithmetic, A, Tile::m> stream_a(a, m);
  const TileStream<Arithmetic, B, Tile::n> stream_b(b, n);
  const auto fetch = [&](int step) {
    if (step < steps) {
      stream_a.fetch(k, left(step));
      stream_b.fetch(k, right(step));
      k = order.after(k);
    }
    end_copy_group();  // also an empty one, so that the last steps wait for theirs as all others do
  };
  const auto multiply = [&](int step) {
    sums.template multiply<typename Memory::Left, typename Memory::Right>(left(step), right(step));
  };
  // What is fetched comes in the place of the step before, or where that may still be multiplied, of the one
  // before it.
  constexpr int ahead = Memory::stages - (asynchronous ? 2 : 1);
#pragma unroll 1
  for (int step = 0; step < ahead; ++step) fetch(step);

#pragma unroll 1
  for (int step = 0; step < steps; ++step) {
    wait_copies<ahead - 1>();
    if constexpr (asynchronous) {
      show_copies_to_group();
      sums.wait();
    }
    __syncthreads();
    if constexpr (asynchronous) {
      multiply(step);
      fetch(step + ahead);
    } else {
      fetch(step + ahead);
      multiply(step);
    }
  }
  if constexpr (asynchronous) sums.finish();
  // Nothing that a card needs; where the host plays the card (tests/host_cuda), lanes meet at barriers only.
  __syncwarp();
}

}  // namespace duel::cuda
