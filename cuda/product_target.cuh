// Where the sums of a product go: from registers by way of shared memory, with bias and activation, to rows
// in memory.
#pragma once

#include "cuda/epilogue.h"
#include "cuda/instructions.cuh"
#include "cuda/pack.cuh"
#include "cuda/product_tile.h"
#include "lib/tensor.h"
#include "lib/write.h"

namespace duel::cuda {

/// A tile's sums in shared memory, where its factors were. Rows are 8 elements longer than they need be: then
/// the pairs that the lanes of a warp hold of eight rows come to lie in different banks.
template <class Tile>
struct SumsInShared {
  static constexpr int pitch = Tile::n + 8, bytes = Tile::m * pitch * static_cast<int>(sizeof(float));
};

/// Rows of `columns` sums, stored as float32 or rounded to bfloat16. Which of them is found out at run time,
/// as the epilogue is, and for the same reason.
///
/// Each thread has sums of many rows, a pair here and there. Stored from registers they would make accesses
/// of 8 or 16 bytes, and a piece of code for each of them: so on an H200 the tile of 128 x 128 took 13 us
/// longer in a training iteration, most likely to fetch its code, than alone. Now they go to shared memory,
/// and a loop takes them from there, whole rows at a time.
struct ProductTarget {
  void* data;
  int columns;
  bool rounded;
  int neighbours;  // that may be stored at once: 4, 2 or 1
  bool add;
  Epilogue epilogue;

  template <class T>
  ProductTarget(T* rows, int64_t row_length, Write write, const Epilogue& then = {})
      : data(rows),
        columns(static_cast<int>(row_length)),
        rounded(std::is_same_v<T, BFloat16>),
        neighbours(row_length % 4 == 0 && aligned_to_pack<4>(rows)   ? 4
                   : row_length % 2 == 0 && aligned_to_pack<2>(rows) ? 2
                                                                     : 1),
        add(write == Write::Add),
        epilogue(then) {}
  /// Of a float32 or bfloat16 tensor.
  static ProductTarget of(const Tensor& y, int64_t row_length, Write write, const Epilogue& then = {}) {
    if (y.dtype() == DType::BFloat16) return {y.data<BFloat16>(), row_length, write, then};
    return {y.data<float>(), row_length, write, then};
  }

  /// Stores a tile's sums that begins at column n, those that are not past the end of the rows. row_of(i) is
  /// the number of the row where row i of the tile goes, -1 for nowhere. All threads of the block are done
  /// with their products' factors or wait here for those that are not.
  template <class Tile, class Sums, class RowOf>
  __device__ void store(Sums& sums, int n, const RowOf& row_of) const {
    store_placed<Tile>(
        sums, n, [&](int i) { return static_cast<int64_t>(row_of(i)) * columns; }, SideBySide{});
  }
  /// The same for rows that do not lie in one piece: place_of(i) is where the row begins, less than 0 for
  /// nowhere, order.place(column) how much further a column lies, one that is a multiple of
  /// Order::neighbours in front of so many, and order.channel(column) is its place in the bias.
  template <class Tile, class Sums, class PlaceOf, class Order>
  __device__ void store_placed(Sums& sums, int n, const PlaceOf& place_of, const Order& order) const {
    constexpr int pitch = SumsInShared<Tile>::pitch;
    float* const shared = dynamic_shared<float>();
    __syncthreads();
#pragma unroll
    for (int l = 0; l < Sums::lines; ++l) {
#pragma unroll
      for (int p = 0; p < Sums::packs; ++p) {
        using Together = Pack<float, Sums::width>;
        *reinterpret_cast<Together*>(shared + Sums::row(l) * pitch + Sums::column(p)) =
            *reinterpret_cast<const Together*>(sums.at(l, p));
      }
    }
    __syncthreads();
    const auto store_as = [&]<class T>(T* rows) {
      if (neighbours >= Order::neighbours) {
        store_rows<Tile, Order::neighbours>(rows, shared, n, place_of, order);
      } else {
        store_rows<Tile, 1>(rows, shared, n, place_of, order);
      }
    };
    if (rounded) {
      store_as(static_cast<BFloat16*>(data));
    } else {
      store_as(static_cast<float*>(data));
    }
  }

 private:
  struct SideBySide {
    static constexpr int neighbours = 4;
    __device__ int place(int column) const { return column; }
    __device__ int channel(int column) const { return column; }
  };

  /// Threads lie side by side along a row, `width` columns each, and then below each other.
  template <class Tile, int width, class T, class PlaceOf, class Order>
  __device__ void store_rows(T* rows, const float* shared, int n, const PlaceOf& place_of,
                             const Order& order) const {
    constexpr int pitch = SumsInShared<Tile>::pitch, beside = Tile::n / width;
    static_assert(product_threads % beside == 0);
    const int thread = static_cast<int>(threadIdx.x), first = thread % beside * width, column = n + first;
    if (column >= columns) return;
    T* const target = rows + order.place(column);
    float bias[width];
    if (epilogue.bias) {
#pragma unroll
      for (int i = 0; i < width; ++i) bias[i] = epilogue.bias[order.channel(column + i)];
    }
#pragma unroll 2
    for (int row = thread / beside; row < Tile::m; row += product_threads / beside) {
      const int64_t place = place_of(row);
      if (place < 0) continue;
      auto values = *reinterpret_cast<const Pack<float, width>*>(shared + row * pitch + first);
      if (epilogue.bias) {
#pragma unroll
        for (int i = 0; i < width; ++i) values.lane[i] += bias[i];
      }
      epilogue.with_activation([&](const auto& f) {
#pragma unroll
        for (int i = 0; i < width; ++i) values.lane[i] = f.value(values.lane[i]);
      });
      store_pack<width>(target + place, 0, values, add);
    }
  }
};

}  // namespace duel::cuda
