// The bodies of the microkernels, written once over a vector type V and instantiated by
// microkernel_<isa>.cpp.
//
// Those files are compiled for processors that may be newer than the one that runs. So that the linker can
// never pick such a copy for code that runs anywhere, everything here is a template over V, a type of the
// including file's unnamed namespace, which keeps every instantiation inside that file; nothing of the
// standard library that could be compiled out of line is used.
//
// V has: Reg (a GCC vector of floats), Int (of int32_t), width, load, store, load_part and store_part (the
// first `count` lanes, the others of a load being 0), broadcast, fma(a, b, c) = a * b + c, and
// multiply_add(left, right, sum), the step of a product.
#pragma once

#include "ops/cpu/microkernel.h"
#include "ops/cpu/packing_templates.h"

namespace duel::cpu {

template <class V, int tile_rows>
struct Body : Packing<V> {
  static_assert(tile_rows <= 16);  // see left_step
  using Reg = typename V::Reg;
  using Int = typename V::Int;
  static constexpr int64_t width = V::width;

  // ---- activations; a NaN stays one, so that a training run can notice it ----

  static Reg relu(Reg x) { return x <= Reg{} ? Reg{} : x; }
  static Reg leaky_relu(Reg x, Reg slope) { return x > Reg{} ? x : x * slope; }

  /// Within 2 units in the last place. Near 0 an odd polynomial, else 1 - 2 / (e^y + 1) with y = 2 |x|, and
  /// e^y = 2^n e^r with n whole and r small.
  static Reg tanh(Reg x) {
    const Int sign = reinterpret_cast<Int>(x) & INT32_MIN;
    const Reg size = reinterpret_cast<Reg>(reinterpret_cast<Int>(x) ^ sign);
    const Reg square = x * x;
    Reg small = V::fma(V::broadcast(-5.70498872745e-3f), square, V::broadcast(2.06390887954e-2f));
    small = V::fma(small, square, V::broadcast(-5.37397155531e-2f));
    small = V::fma(small, square, V::broadcast(1.33314422036e-1f));
    small = V::fma(small, square, V::broadcast(-3.33332819422e-1f));
    small = V::fma(small * square, x, x);

    const Reg limit = V::broadcast(10.0f);  // tanh is 1 in float from there on
    const Reg y = (size > limit ? limit : size) * 2.0f;
    const Reg shift = V::broadcast(12582912.0f);  // adding 1.5 * 2^23 rounds to an integer in the low bits
    const Reg shifted = V::fma(y, V::broadcast(1.44269504089f), shift);
    const Reg n = shifted - shift;
    Reg r = V::fma(n, V::broadcast(-0.693359375f), y);
    r = V::fma(n, V::broadcast(2.12194440e-4f), r);
    Reg e = V::fma(V::broadcast(1.9875691500e-4f), r, V::broadcast(1.3981999507e-3f));
    e = V::fma(e, r, V::broadcast(8.3334519073e-3f));
    e = V::fma(e, r, V::broadcast(4.1665795894e-2f));
    e = V::fma(e, r, V::broadcast(1.6666665459e-1f));
    e = V::fma(e, r, V::broadcast(5.0000001201e-1f));
    e = V::fma(e * r, r, r) + 1.0f;
    const Reg power = reinterpret_cast<Reg>((reinterpret_cast<Int>(shifted) - 0x4B400000 + 127) << 23);
    const Reg large = 1.0f - 2.0f / V::fma(e, power, V::broadcast(1.0f));
    const Reg signed_large = reinterpret_cast<Reg>(reinterpret_cast<Int>(large) | sign);
    const Reg result = size < V::broadcast(0.625f) ? small : signed_large;
    return x == x ? result : x;
  }

  static Reg apply(const Epilogue& epilogue, Reg x) {
    switch (epilogue.activation) {
      case Epilogue::Activation::Relu:
        return relu(x);
      case Epilogue::Activation::LeakyRelu:
        return leaky_relu(x, V::broadcast(epilogue.negative_slope));
      case Epilogue::Activation::Tanh:
        return tanh(x);
      case Epilogue::Activation::None:
        break;
    }
    return x;
  }

  static void activate(const Epilogue& epilogue, float* y, int64_t count) {
    if (epilogue.activation == Epilogue::Activation::None) return;
    for (; count >= width; count -= width, y += width) V::store(y, apply(epilogue, V::load(y)));
    if (count > 0) V::store_part(y, apply(epilogue, V::load_part(y, count)), count);
  }

  // ---- the tile ----

  /// The accumulators are an array that full unrolling turns into registers.
  template <LeftLayout layout, int rows, int vectors>
  static void tile(const Tile& t) {
    for (int64_t d = 0; d < t.destinations; ++d) {
      const int64_t at = t.column + t.offsets[d];
#pragma GCC unroll 14
      for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) __builtin_prefetch(t.c[r] + at + v * width, 1);
      }
    }
    Reg sum[rows][vectors] = {};
    const float* a = t.a;
    const float* b = t.b;
    intptr_t wanted = reinterpret_cast<intptr_t>(t.wanted);
    for (int64_t k = 0; k < t.depth; ++k) {
      __builtin_prefetch(reinterpret_cast<const void*>(wanted), 0, 2);
      wanted += t.wanted_step;
      if constexpr (layout == LeftLayout::Columns) b = t.b_rows[k] + t.b_offset;
      Reg right[vectors];
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) right[v] = V::load(b + v * width);
#pragma GCC unroll 14
      for (int r = 0; r < rows; ++r) {
        const Reg left = V::broadcast(a[layout == LeftLayout::Rows ? r * left_row_stride : r]);
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) sum[r][v] = V::multiply_add(left, right[v], sum[r][v]);
      }
      a += layout == LeftLayout::Rows ? 1 : t.a_step;
      if constexpr (layout == LeftLayout::Rows) b += 2 * width;
    }
    if (t.columns == vectors * width)
      finish<true>(t, sum);
    else
      finish<false>(t, sum);
  }

  /// Stores the accumulators; `whole` says that every lane is a column of C.
  template <bool whole, int rows, int vectors>
  [[gnu::always_inline]] static inline void finish(const Tile& t, Reg (&sum)[rows][vectors]) {
    const int64_t rest = t.columns - (vectors - 1) * width;  // columns in the last vector
    const auto load = [=](const float* from, int v) {
      return whole || v + 1 < vectors ? V::load(from + v * width) : V::load_part(from + v * width, rest);
    };
    const auto store = [=](float* to, Reg x, int v) {
      if (whole || v + 1 < vectors)
        V::store(to + v * width, x);
      else
        V::store_part(to + v * width, x, rest);
    };
    const auto for_each = [&sum](const auto& body) {
#pragma GCC unroll 14
      for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) body(sum[r][v], r, v);
      }
    };
    for (int64_t d = 1; d < t.destinations; ++d) {
      const int64_t at = t.column + t.offsets[d];
      if (t.accumulate)
        for_each([&](const Reg& x, int r, int v) { store(t.c[r] + at, load(t.c[r] + at, v) + x, v); });
      else
        for_each([&](const Reg& x, int r, int v) { store(t.c[r] + at, x, v); });
    }
    const int64_t at = t.column + t.offsets[0];
    if (t.accumulate) for_each([&](Reg& x, int r, int v) { x += load(t.c[r] + at, v); });
    if (t.epilogue != nullptr) {
      if (t.epilogue->bias != nullptr)
        for_each([&](Reg& x, int, int v) { x += load(t.epilogue->bias + t.column, v); });
      if (t.epilogue->activation == Epilogue::Activation::Relu)
        for_each([&](Reg& x, int, int) { x = relu(x); });
      else if (t.epilogue->activation == Epilogue::Activation::LeakyRelu)
        for_each([slope = V::broadcast(t.epilogue->negative_slope)](Reg& x, int, int) {
          x = leaky_relu(x, slope);
        });
    }
    for_each([&](const Reg& x, int r, int v) { store(t.c[r] + at, x, v); });
  }

  // ---- the table ----

  template <int rows>
  static constexpr void add_tiles(Microkernels& table) {
    table.tile[0][0][rows - 1] = tile<LeftLayout::Rows, rows, 1>;
    table.tile[0][1][rows - 1] = tile<LeftLayout::Rows, rows, 2>;
    table.tile[1][0][rows - 1] = tile<LeftLayout::Columns, rows, 1>;
    table.tile[1][1][rows - 1] = tile<LeftLayout::Columns, rows, 2>;
    if constexpr (rows > 1) add_tiles<rows - 1>(table);
  }

  static constexpr Microkernels table(Isa isa) {
    Microkernels result{};
    result.isa = isa;
    result.tile_rows = tile_rows;
    result.vector = width;
    result.panel = 2 * width;
    result.left_step = tile_rows <= 8 ? 8 : 16;
    result.least_packed_panels = INT64_MAX;
    result.gather_patches = Packing<V>::gather_patches;
    result.scatter_patches = Packing<V>::scatter_patches;
    result.copy_rows = Packing<V>::copy_rows;
    result.add_rows = Packing<V>::add_rows;
    result.transpose = Packing<V>::transpose;
    result.filter_input = Packing<V>::filter_input;
    result.filter_taps = Packing<V>::filter_taps;
    result.filter_row = Packing<V>::filter_input;
    result.activate = activate;
    add_tiles<tile_rows>(result);
    return result;
  }
};

}  // namespace duel::cpu
