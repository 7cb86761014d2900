// Where the kernels that move elements take each element from and put it: element i of those moved goes from
// source(i) of x to target(i) of y.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "lib/divisor.h"
#include "lib/host_device.h"
#include "lib/kernels.h"
#include "lib/shape.h"

namespace duel {

/// Kernels::permute: y is written in its own order, x read by strides. With Divisor for fewer than 2^31
/// elements, with WideDivisor for more.
template <class AnyDivisor>
struct PermutePlacement {
  using Index = decltype(typename AnyDivisor::Division().quotient);
  int rank;
  AnyDivisor size[Shape::max_dims];  // of y
  Index stride[Shape::max_dims];     // in x, of y's dimensions

  PermutePlacement(const Shape& x, std::span<const int> dims) : rank(x.dims()), stride{} {
    int64_t x_stride[Shape::max_dims] = {}, step = 1;
    for (int i = rank - 1; i >= 0; --i) {
      x_stride[i] = step;
      step *= x[i];
    }
    for (int i = 0; i < rank; ++i) {
      const int from = dims[static_cast<size_t>(i)];
      size[i] = AnyDivisor(static_cast<Index>(x[from]));
      stride[i] = static_cast<Index>(x_stride[from]);
    }
  }
  DUEL_HOST_DEVICE int64_t source(int64_t i) const {
    Index place = 0, rest = static_cast<Index>(i);
    for (int d = rank - 1; d >= 0; --d) {
      const auto [above, here] = size[d].divide(rest);
      place += here * stride[d];
      rest = above;
    }
    return place;
  }
  DUEL_HOST_DEVICE int64_t target(int64_t i) const { return i; }
};

/// A permutation that transposes matrices: x is (count, rows, columns), y (count, columns, rows).
struct Transposition {
  int64_t count, rows, columns;
};

/// What a permutation is as such, if it is one: its first dimensions stay, and of the others the last ones
/// come first, each group in its order. Channels-last and channels-first pictures are such.
inline std::optional<Transposition> transposition_of(const Shape& x, std::span<const int> dims) {
  const int rank = x.dims();
  int stay = 0;
  while (stay < rank && dims[static_cast<size_t>(stay)] == stay) ++stay;
  if (stay == rank) return {};
  const int split = dims[static_cast<size_t>(stay)];
  Transposition t{1, 1, 1};
  for (int i = 0; i < rank; ++i) {
    (i < stay ? t.count : i < split ? t.rows : t.columns) *= x[i];
    const int expected = i < stay ? i : i < stay + rank - split ? i - stay + split : i - (rank - split);
    if (dims[static_cast<size_t>(i)] != expected) return {};
  }
  return t;
}

/// The squares of `width` by `width` elements that matrices are transposed by: one lies in x and y where its
/// first element does. `rows` and `columns` are multiples of width. Neighbouring squares lie side by side
/// where a matrix has few of them, so that accesses to both x and y come in whole lines.
struct TransposedSquares {
  int width, rows, columns;
  bool along_rows;  // squares below each other are neighbours
  Divisor in_matrix, in_line;

  TransposedSquares(const Transposition& t, int width_)
      : width(width_),
        rows(static_cast<int>(t.rows)),
        columns(static_cast<int>(t.columns)),
        along_rows(t.rows < t.columns),
        in_matrix(static_cast<int>(t.rows / width_ * (t.columns / width_))),
        in_line(static_cast<int>((along_rows ? t.rows : t.columns) / width_)) {}

  struct Places {
    int64_t source, target;
  };
  DUEL_HOST_DEVICE Places of(int square) const {
    const auto [matrix, inside] = in_matrix.divide(square);
    const auto [line, in] = in_line.divide(inside);
    const int64_t row = int64_t{width} * (along_rows ? in : line),
                  column = int64_t{width} * (along_rows ? line : in);
    const int64_t first = int64_t{matrix} * rows * columns;
    return {first + row * columns + column, first + column * rows + row};
  }
};

/// Kernels::pick_pictures: where element i of a picture (height, width, channels) of fewer than 2^31 elements
/// lies in the picture that is picked.
struct PicturePlacement {
  int height, width, channels;

  DUEL_HOST_DEVICE int elements() const { return height * width * channels; }
  /// Where a picture of a batch or of a set begins.
  DUEL_HOST_DEVICE int64_t first(int64_t picture) const { return picture * elements(); }
  DUEL_HOST_DEVICE int source(int i, bool flipped) const {
    if (!flipped) return i;
    const int column = i / channels % width;
    return i + (width - 1 - 2 * column) * channels;
  }
  /// Of pictures (N, height, width, channels).
  static PicturePlacement of(const Shape& pictures) {
    const auto size = [&](int dim) { return static_cast<int>(pictures[dim]); };
    check(pictures[1] * pictures[2] * pictures[3] < int64_t{1} << 31, "[pick_pictures] pictures of ",
          pictures, " are too large");
    return {size(1), size(2), size(3)};
  }
};

/// Kernels::copy_runs: run after run.
struct RunPlacement {
  Kernels::Runs runs;

  int64_t elements() const { return runs.count * runs.length; }
  DUEL_HOST_DEVICE int64_t source(int64_t i) const {
    return runs.x_start + i / runs.length * runs.x_stride + i % runs.length;
  }
  DUEL_HOST_DEVICE int64_t target(int64_t i) const {
    return runs.y_start + i / runs.length * runs.y_stride + i % runs.length;
  }
};

}  // namespace duel
