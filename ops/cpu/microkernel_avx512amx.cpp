// The microkernels for the matrix unit AMX (compiled with its flags; reached only through the table):
// products of bfloat16 factors, sixteen times the arithmetic of a float32 multiply-add a cycle.
//
// The unit has eight registers of 16 rows of 64 bytes. One instruction adds to 16 x 16 float32 sums the
// product of 16 rows of 16 pairs (A, as packed row by row) and 16 pairs of 16 columns (B, as packed in
// panels). A tile of 32 rows by a panel of 32 columns takes four registers of sums, two of A and two of B:
// four instructions of 16 cycles for four loads of 8.
#include <immintrin.h>

#include "ops/cpu/microkernel_avx512_pairs.h"
#include "ops/cpu/microkernel_templates.h"

namespace duel::cpu {
namespace {

struct alignas(64) Configuration {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr Configuration all_whole;

struct Amx : Avx512Pairs {
  static constexpr int64_t unit = 16;  // rows, columns, and pairs of the depth of one instruction
  static constexpr int64_t rows = 2 * unit;
  static constexpr int64_t columns_step = rows;

  static void begin() { _tile_loadconfig(&all_whole); }
  static void end() { _tile_release(); }

  // ---- pairs of A, in rows for both layouts ----

  static const float* pair_left_rows(float* left, int64_t count, int64_t depth) {
    pair_columns(left, left_row_stride, count, depth);
    return left;
  }
  /// In columns the pairs of a step lie side by side; here each block of 16 x 16 pairs is turned about.
  static const float* pair_left_columns(float* left, int64_t count, int64_t depth) {
    pair_rows(left, columns_step, depth, count);
    float* const turned = left + max_depth * columns_step;
    const int64_t steps = (depth + 1) / 2;
    for (int64_t r = 0; r < count; r += unit)
      for (int64_t k = 0; k < steps; k += unit)
        transpose_square(left + k * columns_step + r, columns_step, turned + r * left_row_stride + k,
                         left_row_stride);
    return turned;
  }

  // ---- the tile ----

  /// One step of 16 pairs, from rows of A left_row_stride or 16 floats apart.
  template <bool two_rows, bool two_columns>
  [[gnu::always_inline]] static inline void multiply(const float* a, int64_t a_bytes, const float* b) {
    constexpr int64_t b_bytes = 2 * width * 4;
    _tile_loadd(4, a, a_bytes);
    _tile_loadd(6, b, b_bytes);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (two_columns) {
      _tile_loadd(7, b + width, b_bytes);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (two_rows) {
      _tile_loadd(5, a + unit * a_bytes / 4, a_bytes);
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (two_columns) _tile_dpbf16ps(3, 5, 7);
    }
  }

  /// The last step where the depth is not a multiple of 16 pairs, from copies filled up with zeros.
  template <bool two_rows, bool two_columns>
  static void multiply_rest(const float* a, const float* b, int64_t steps) {
    alignas(64) float a_rest[rows * unit], b_rest[unit * 2 * width] = {};
    for (int64_t r = 0; r < (two_rows ? rows : unit); ++r)
      store(a_rest + r * unit, load_part(a + r * left_row_stride, steps));
    for (int64_t k = 0; k < steps; ++k)
      for (int64_t v = 0; v < 2 * width; v += width)
        store(b_rest + k * 2 * width + v, load(b + k * 2 * width + v));
    written();
    multiply<two_rows, two_columns>(a_rest, unit * 4, b_rest);
  }

  /// The loads of the unit are hidden from the compiler: what they read must have been stored.
  static void written() { asm volatile("" ::: "memory"); }

  template <bool two_rows, bool two_columns>
  static void sums(const Tile& t, const float* b, float* sum) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    written();
    intptr_t wanted = reinterpret_cast<intptr_t>(t.wanted);
    int64_t k = 0;
    for (; k + unit <= t.depth; k += unit) {
      for (int64_t line = 0; line < unit; ++line, wanted += t.wanted_step)
        __builtin_prefetch(reinterpret_cast<const void*>(wanted), 0, 2);
      multiply<two_rows, two_columns>(t.a + k, left_row_stride * 4, b + k * 2 * width);
    }
    if (k < t.depth) multiply_rest<two_rows, two_columns>(t.a + k, b + k * 2 * width, t.depth - k);
    constexpr int64_t bytes = 2 * width * 4;
    _tile_stored(0, sum, bytes);
    if constexpr (two_columns) _tile_stored(1, sum + width, bytes);
    if constexpr (two_rows) {
      _tile_stored(2, sum + unit * 2 * width, bytes);
      if constexpr (two_columns) _tile_stored(3, sum + unit * 2 * width + width, bytes);
    }
  }

  /// B of the layout Columns is packed here as well, its steps one after the other.
  template <LeftLayout layout, int count, int vectors>
  static void tile(const Tile& t) {
    multiply_tile<count <= unit ? 1 : 2, vectors>(
        t, layout == LeftLayout::Rows ? t.b : t.b_rows[0] + t.b_offset, count);
  }

  template <int row_units, int vectors>
  static void multiply_tile(const Tile& t, const float* b, int64_t count) {
    for (int64_t r = 0; r < count; ++r)
      for (int v = 0; v < vectors; ++v) __builtin_prefetch(t.c[r] + t.column + v * width, 1);
    alignas(64) float sum[rows * 2 * width];
    sums<row_units == 2, vectors == 2>(t, b, sum);
    const bool whole = t.columns == vectors * width;
    if (whole && t.epilogue == nullptr && t.destinations == 1) {
      t.accumulate ? move<vectors, true>(t, sum, count) : move<vectors, false>(t, sum, count);
      return;
    }
    Tile one = t;
    for (int64_t r = 0; r < count; ++r) {
      one.c = t.c + r;
      Reg row[1][vectors];
      for (int v = 0; v < vectors; ++v) row[0][v] = load(sum + r * 2 * width + v * width);
      if (whole)
        Body<Amx, 14>::finish<true>(one, row);
      else
        Body<Amx, 14>::finish<false>(one, row);
    }
  }

  /// The common case of finish().
  template <int vectors, bool accumulate>
  static void move(const Tile& t, const float* sum, int64_t count) {
    for (int64_t r = 0; r < count; ++r)
      for (int v = 0; v < vectors; ++v) {
        float* const to = t.c[r] + t.column + v * width;
        const Reg x = load(sum + r * 2 * width + v * width);
        store(to, accumulate ? load(to) + x : x);
      }
  }

  template <int count>
  static constexpr void add_tiles(Microkernels& table) {
    table.tile[0][0][count - 1] = tile<LeftLayout::Rows, count, 1>;
    table.tile[0][1][count - 1] = tile<LeftLayout::Rows, count, 2>;
    table.tile[1][0][count - 1] = tile<LeftLayout::Columns, count, 1>;
    table.tile[1][1][count - 1] = tile<LeftLayout::Columns, count, 2>;
    if constexpr (count > 1) add_tiles<count - 1>(table);
  }
};

}  // namespace

extern const Microkernels avx512amx_microkernels;
constinit const Microkernels avx512amx_microkernels = [] {
  Microkernels table = Body<Amx, 14>::table(Isa::Amx);
  table.tile_rows = Amx::rows;
  table.left_step = Amx::columns_step;
  table.pair_left[0] = Amx::pair_left_rows;
  table.pair_left[1] = Amx::pair_left_columns;
  table.pair_right = Amx::pair_panel;
  table.filter_row = nullptr;  // the unit would wait for the data: its products are not worth saving
  table.begin = Amx::begin;
  table.end = Amx::end;
  Amx::add_tiles<Amx::rows>(table);
  return table;
}();

}  // namespace duel::cpu
