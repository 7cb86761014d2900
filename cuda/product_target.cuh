// Where the sums of a product go: bias and activation in registers, then rows in memory.
#pragma once

#include "cuda/epilogue.h"
#include "cuda/pack.cuh"
#include "lib/tensor.h"
#include "lib/write.h"

namespace duel::cuda {

/// Rows of `columns` sums, stored as float32 or rounded to bfloat16. Which of them is found out at run time,
/// as the epilogue is, and for the same reason.
struct ProductTarget {
  void* data;
  int columns;
  bool rounded;
  bool pairs;  // whether two neighbours may be stored at once
  bool add;
  Epilogue epilogue;

  template <class T>
  ProductTarget(T* rows, int64_t row_length, Write write, const Epilogue& then = {})
      : data(rows),
        columns(static_cast<int>(row_length)),
        rounded(std::is_same_v<T, BFloat16>),
        pairs(row_length % 2 == 0 && aligned_to_pack<2>(rows)),
        add(write == Write::Add),
        epilogue(then) {}
  /// Of a float32 or bfloat16 tensor.
  static ProductTarget of(const Tensor& y, int64_t row_length, Write write, const Epilogue& then = {}) {
    if (y.dtype() == DType::BFloat16) return {y.data<BFloat16>(), row_length, write, then};
    return {y.data<float>(), row_length, write, then};
  }

  /// Stores a tile's sums that begins at column n, those that are not past the end of the rows. row_of(l) is
  /// the number of the row where the thread's line l goes, -1 for nowhere.
  template <class Sums, class RowOf>
  __device__ void store(Sums& sums, int n, const RowOf& row_of) const {
    store_placed(
        sums, n, [&](int l) { return static_cast<int64_t>(row_of(l)) * columns; }, SideBySide{});
  }
  /// The same for rows that do not lie in one piece: place_of(l) is where the row begins, less than 0 for
  /// nowhere, order.place(column) how much further a column lies, an even one in front of the next, and
  /// order.channel(column) is its place in the bias.
  template <class Sums, class PlaceOf, class Order>
  __device__ void store_placed(Sums& sums, int n, const PlaceOf& place_of, const Order& order) const {
    finish(sums, n, order);
    if (rounded) {
      store_in(static_cast<BFloat16*>(data), sums, n, place_of, order);
    } else {
      store_in(static_cast<float*>(data), sums, n, place_of, order);
    }
  }

 private:
  struct SideBySide {
    __device__ int place(int column) const { return column; }
    __device__ int channel(int column) const { return column; }
  };

  /// Bias and activation, in registers.
  template <class Sums, class Order>
  __device__ void finish(Sums& sums, int n, const Order& order) const {
    const auto each = [&](const auto& change) {
#pragma unroll
      for (int p = 0; p < Sums::packs; ++p) {
#pragma unroll
        for (int i = 0; i < Sums::width; ++i) change(p, i);
      }
    };
    if (epilogue.bias) {
      each([&](int p, int i) {
        const int column = n + sums.column(p) + i;
        const float bias = column < columns ? epilogue.bias[order.channel(column)] : 0;
#pragma unroll
        for (int l = 0; l < Sums::lines; ++l) sums.at(l, p)[i] += bias;
      });
    }
    epilogue.with_activation([&](const auto& f) {
      each([&](int p, int i) {
#pragma unroll
        for (int l = 0; l < Sums::lines; ++l) sums.at(l, p)[i] = f.value(sums.at(l, p)[i]);
      });
    });
  }
  template <class T, class Sums, class PlaceOf, class Order>
  __device__ void store_in(T* rows, Sums& sums, int n, const PlaceOf& place_of, const Order& order) const {
#pragma unroll
    for (int l = 0; l < Sums::lines; ++l) {
      const int64_t place = place_of(l);
      if (place < 0) continue;
#pragma unroll
      for (int p = 0; p < Sums::packs; ++p) {
        const int column = n + sums.column(p);
        if (column < columns)
          put<Sums::width>(rows + (place + order.place(column)), columns - column, sums.at(l, p));
      }
      // What is added to is read a line at a time: of all lines at once, registers have no room for it.
      asm volatile("" ::: "memory");
    }
  }
  template <int width, class T>
  __device__ void put(T* target, int left, const float* values) const {
    if constexpr (width == 2) {
      if (pairs) return store_pack<2>(target, 0, Pack<float, 2>{values[0], values[1]}, add);
      if (left > 1) store_pack<1>(target, 1, Pack<float, 1>{values[1]}, add);
    }
    store_pack<1>(target, 0, Pack<float, 1>{values[0]}, add);
  }
};

}  // namespace duel::cuda
