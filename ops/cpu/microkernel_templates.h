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

namespace duel::cpu {

template <class V, int tile_rows>
struct Body {
  static_assert(tile_rows <= 16);  // see left_step
  using Reg = typename V::Reg;
  using Int = typename V::Int;
  static constexpr int64_t width = V::width;
  static constexpr int64_t left_depth_stride =
      tile_rows <= 8 ? 8 : 16;  // whole cache lines or halves of them

  static int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
  static int64_t max(int64_t a, int64_t b) { return a > b ? a : b; }

  // ---- activations; a NaN stays one, so that a training run can notice it ----

  static Reg relu(Reg x) { return x <= Reg{} ? Reg{} : x; }
  static Reg leaky_relu(Reg x, Reg slope) { return x > Reg{} ? x : x * slope; }

  /// Within 2 units in the last place. Near 0 an odd polynomial, else 1 - 2 / (e^2|x| + 1) with e^y = 2^n
  /// e^r.
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

  // ---- minimal filtering ----

  static void filter_input(const float* const* pixels, int64_t count, float* out, int64_t out_stride) {
    const auto transform = [&](const auto& load, const auto& store, int64_t c) {
      Reg rows[3][3];
#pragma GCC unroll 3
      for (int j = 0; j < 3; ++j) {
        const Reg upper = load(pixels[j] + c), middle = load(pixels[3 + j] + c),
                  lower = load(pixels[6 + j] + c);
        rows[0][j] = upper - middle;
        rows[1][j] = middle;
        rows[2][j] = lower - middle;
      }
#pragma GCC unroll 3
      for (int i = 0; i < 3; ++i) {
        float* const to = out + 3 * i * out_stride + c;
        store(to, rows[i][0] - rows[i][1]);
        store(to + out_stride, rows[i][1]);
        store(to + 2 * out_stride, rows[i][2] - rows[i][1]);
      }
    };
    for_channels(count, transform);
  }

  static void filter_taps(const float* const* taps, int64_t count, float* out, int64_t out_stride) {
    const auto transform = [&](const auto& load, const auto& store, int64_t c) {
      Reg rows[3][2];
#pragma GCC unroll 2
      for (int j = 0; j < 2; ++j) {
        rows[0][j] = load(taps[j] + c);
        rows[2][j] = load(taps[2 + j] + c);
        rows[1][j] = rows[0][j] + rows[2][j];
      }
#pragma GCC unroll 3
      for (int i = 0; i < 3; ++i) {
        float* const to = out + 3 * i * out_stride + c;
        store(to, rows[i][0]);
        store(to + out_stride, rows[i][0] + rows[i][1]);
        store(to + 2 * out_stride, rows[i][1]);
      }
    };
    for_channels(count, transform);
  }

  /// Calls transform(load, store, channel) for each vector of channels, the last one perhaps not whole.
  template <class Transform>
  [[gnu::always_inline]] static inline void for_channels(int64_t count, const Transform& transform) {
    int64_t c = 0;
    for (; c + width <= count; c += width)
      transform([](const float* p) { return V::load(p); }, [](float* p, Reg x) { V::store(p, x); }, c);
    if (c < count)
      transform([=](const float* p) { return V::load_part(p, count - c); },
                [=](float* p, Reg x) { V::store_part(p, x, count - c); }, c);
  }

  // ---- moving data ----

  /// Asks for the same run `ahead` floats further on, so that it is in L2 when its turn comes.
  [[gnu::always_inline]] static inline void copy(const float* in, int64_t count, float* out, int64_t ahead) {
    for (; count > 0; count -= width, in += width, out += width) {
      prefetch(in, ahead);
      if (count < width) return V::store_part(out, V::load_part(in, count), count);
      V::store(out, V::load(in));
    }
  }

  /// `in + ahead` may lie outside any object: it is only an address.
  [[gnu::always_inline]] static inline void prefetch(const float* in, int64_t ahead) {
    __builtin_prefetch(reinterpret_cast<const char*>(reinterpret_cast<intptr_t>(in) + ahead * 4), 0, 3);
  }

  static void clear(float* out, int64_t count) {
    for (; count >= width; count -= width, out += width) V::store(out, Reg{});
    if (count > 0) V::store_part(out, Reg{}, count);
  }

  static void copy_rows(const float* in, int64_t in_stride, int64_t rows, int64_t columns, float* out,
                        int64_t out_stride) {
    for (int64_t r = 0; r < rows; ++r) copy(in + r * in_stride, columns, out + r * out_stride, in_stride * 8);
  }

  /// The rest goes in eights, fours and ones: a masked load that overlaps a recent masked store, as when
  /// neighbouring runs are added to one picture, waits some twenty cycles for it.
  [[gnu::always_inline]] static inline void add(const float* in, int64_t count, float* out) {
    typedef float Eight __attribute__((vector_size(32), aligned(4), may_alias));
    for (; count >= width; count -= width, in += width, out += width)
      V::store(out, V::load(out) + V::load(in));
    for (; width > 8 && count >= 8; count -= 8, in += 8, out += 8)
      *reinterpret_cast<Eight*>(out) += *reinterpret_cast<const Eight*>(in);
    for (; width > 4 && count >= 4; count -= 4, in += 4, out += 4)
      store_four(out, load_four(out) + load_four(in));
    for (; count > 0; --count) *out++ += *in++;
  }

  static void add_rows(const float* in, int64_t in_stride, int64_t rows, int64_t columns, float* out,
                       int64_t out_stride) {
    for (int64_t r = 0; r < rows; ++r) add(in + r * in_stride, columns, out + r * out_stride);
  }

  typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));
  static Four load_four(const float* p) { return *reinterpret_cast<const Four*>(p); }
  static void store_four(float* p, Four x) { *reinterpret_cast<Four*>(p) = x; }

  /// Whole squares of vectors where V turns them about itself, else four by four at a time in 128-bit
  /// registers, which every instruction set has.
  static void transpose(const float* in, int64_t in_stride, int64_t rows, int64_t columns, float* out,
                        int64_t out_stride) {
    int64_t r = 0;
    if constexpr (requires { V::transpose_square(in, in_stride, out, out_stride); }) {
      const int64_t whole = columns / width * width;
      for (; r + width <= rows; r += width) {
        for (int64_t c = 0; c < whole; c += width)
          V::transpose_square(in + r * in_stride + c, in_stride, out + c * out_stride + r, out_stride);
        for (int64_t i = r; i < r + width; ++i)
          for (int64_t c = whole; c < columns; ++c) out[c * out_stride + i] = in[i * in_stride + c];
      }
    }
    for (; r + 4 <= rows; r += 4) {
      const float* i = in + r * in_stride;
      float* o = out + r;
      int64_t c = 0;
      for (; c + 4 <= columns; c += 4, i += 4, o += 4 * out_stride) {
        const Four a = load_four(i), b = load_four(i + in_stride);
        const Four d = load_four(i + 2 * in_stride), e = load_four(i + 3 * in_stride);
        const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5),
                   ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
        const Four de_low = __builtin_shufflevector(d, e, 0, 4, 1, 5),
                   de_high = __builtin_shufflevector(d, e, 2, 6, 3, 7);
        store_four(o, __builtin_shufflevector(ab_low, de_low, 0, 1, 4, 5));
        store_four(o + out_stride, __builtin_shufflevector(ab_low, de_low, 2, 3, 6, 7));
        store_four(o + 2 * out_stride, __builtin_shufflevector(ab_high, de_high, 0, 1, 4, 5));
        store_four(o + 3 * out_stride, __builtin_shufflevector(ab_high, de_high, 2, 3, 6, 7));
      }
      for (; c < columns; ++c, ++i, o += out_stride)
        for (int64_t j = 0; j < 4; ++j) o[j] = i[j * in_stride];
    }
    for (; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) out[c * out_stride + r] = in[r * in_stride + c];
  }

  static void gather_patches(const Patches& p, int64_t row, int64_t rows, int64_t column, int64_t columns,
                             float* out, int64_t out_stride, int64_t ahead) {
    const int64_t run = p.taps_w * p.channels, picture_row = p.width * p.channels,
                  step = p.step_w * p.channels;
    const int64_t first_tap = column / run, first_begin = column % run;
    int64_t picture = row / (p.grid_h * p.grid_w), gy = row / p.grid_w % p.grid_h, gx = row % p.grid_w;
    while (rows > 0) {
      const int64_t count = min(rows, p.grid_w - gx);
      int64_t begin = first_begin, left = columns, sy = gy * p.step_h + p.first_h + first_tap;
      for (float* o = out; left > 0; ++sy, begin = 0) {
        const int64_t length = min(run - begin, left);
        const int64_t inside = sy >= 0 && sy < p.height ? picture_row : 0;
        const Runs runs{.source = p.pictures + (picture * p.height + sy) * picture_row,
                        .inside = inside,
                        .first = (gx * p.step_w + p.first_w) * p.channels + begin,
                        .step = step,
                        .count = count,
                        .out = o,
                        .out_stride = out_stride,
                        .ahead = ahead};
        if (length == 2 * width)
          gather_runs(
              runs, [](const float* in, float* to, int64_t next) { copy_vectors<2>(in, to, next); }, length);
        else if (length == width)
          gather_runs(
              runs, [](const float* in, float* to, int64_t next) { copy_vectors<1>(in, to, next); }, length);
        else if (length < width)
          gather_runs(
              runs,
              [length](const float* in, float* to, int64_t next) {
                prefetch(in, next);
                V::store_part(to, V::load_part(in, length), length);
              },
              length);
        else
          gather_runs(
              runs, [length](const float* in, float* to, int64_t next) { copy(in, length, to, next); },
              length);
        o += length;
        left -= length;
      }
      out += count * out_stride;
      rows -= count;
      gx = 0;
      if (++gy == p.grid_h) {
        gy = 0;
        ++picture;
      }
    }
  }

  /// `count` runs, run i from source[first + i * step] to out[i * out_stride]. The source is zero outside 0
  /// .. inside-1.
  struct Runs {
    const float* source;
    int64_t inside, first, step, count;
    float* out;
    int64_t out_stride, ahead;
  };

  template <int vectors>
  [[gnu::always_inline]] static inline void copy_vectors(const float* in, float* out, int64_t ahead) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      prefetch(in + v * width, ahead);
      V::store(out + v * width, V::load(in + v * width));
    }
  }

  /// `copy_whole` copies a run that lies inside.
  template <class Copy>
  [[gnu::always_inline]] static inline void gather_runs(const Runs& runs, const Copy& copy_whole,
                                                        int64_t length) {
    const float* const source = runs.source;
    const int64_t last = runs.inside - length;
    int64_t first = runs.first, count = runs.count;
    float* out = runs.out;
    for (; count > 0 && (first < 0 || first > last); --count, first += runs.step, out += runs.out_stride)
      copy_clipped(source, runs.inside, first, length, out);
    for (; count > 0 && first <= last; --count, first += runs.step, out += runs.out_stride)
      copy_whole(source + first, out, runs.ahead);
    for (; count > 0; --count, first += runs.step, out += runs.out_stride)
      copy_clipped(source, runs.inside, first, length, out);
  }

  static void copy_clipped(const float* source, int64_t inside, int64_t first, int64_t length, float* out) {
    const int64_t low = min(max(-first, 0), length), high = max(min(inside - first, length), low);
    clear(out, low);
    copy(source + first + low, high - low, out + low, 0);
    clear(out + high, length - high);
  }

  static void scatter_patches(const Patches& p, int64_t row, int64_t rows, const float* in, int64_t in_stride,
                              float* pictures) {
    const int64_t run = p.taps_w * p.channels, picture_row = p.width * p.channels;
    // Runs of neighbouring patches overlap where taps_w > step_w. They are added in passes over patches whose
    // runs do not, so that no load needs what has just been stored.
    const int64_t passes = (p.taps_w + p.step_w - 1) / p.step_w, step = passes * p.step_w * p.channels;
    while (rows > 0) {
      const int64_t picture = row / (p.grid_h * p.grid_w), gy = row / p.grid_w % p.grid_h,
                    gx = row % p.grid_w;
      const int64_t count = min(rows, p.grid_w - gx);
      for (int64_t pass = 0; pass < min(passes, count); ++pass)
        for (int64_t ty = 0; ty < p.taps_h; ++ty) {
          const int64_t sy = gy * p.step_h + p.first_h + ty;
          if (sy < 0 || sy >= p.height) continue;
          scatter_runs(in + pass * in_stride + ty * run, passes * in_stride,
                       (count - pass + passes - 1) / passes, run,
                       pictures + (picture * p.height + sy) * picture_row, picture_row,
                       ((gx + pass) * p.step_w + p.first_w) * p.channels, step);
        }
      in += count * in_stride;
      row += count;
      rows -= count;
    }
  }

  /// Adds `count` runs of `length` floats, run i to target[first + i * step]; what falls outside 0 ..
  /// inside-1 is lost.
  static void scatter_runs(const float* in, int64_t in_stride, int64_t count, int64_t length, float* target,
                           int64_t inside, int64_t first, int64_t step) {
    for (; count > 0; --count, first += step, in += in_stride) {
      if (first >= 0 && first + length <= inside) {
        add(in, length, target + first);
      } else {
        const int64_t low = min(max(-first, 0), length), high = max(min(inside - first, length), low);
        add(in + low, high - low, target + first + low);
      }
    }
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
    result.left_step = 16;
    result.gather_patches = gather_patches;
    result.scatter_patches = scatter_patches;
    result.copy_rows = copy_rows;
    result.add_rows = add_rows;
    result.transpose = transpose;
    result.filter_input = filter_input;
    result.filter_taps = filter_taps;
    result.activate = activate;
    add_tiles<tile_rows>(result);
    return result;
  }
};

}  // namespace duel::cpu
