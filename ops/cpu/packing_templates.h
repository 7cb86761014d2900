// What moves data to the microkernels and back, over a vector type V as microkernel_templates.h has it:
// gathering and scattering patches, copying, transposing, and the transforms of minimal filtering.
#pragma once

#include "ops/cpu/microkernel.h"

namespace duel::cpu {

template <class V>
struct Packing {
  using Reg = typename V::Reg;
  static constexpr int64_t width = V::width;

  static int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
  static int64_t max(int64_t a, int64_t b) { return a > b ? a : b; }

  // ---- minimal filtering ----

  static void filter_input(const float* const* pixels, int64_t count, float* out, int64_t out_stride) {
    filter_pixels(pixels, count, [=](int i, int64_t c) { return out + i * out_stride + c; });
  }

  /// place(i, channel) is where result i of a channel goes, as V::store takes it.
  template <class Place>
  [[gnu::always_inline]] static inline void filter_pixels(const float* const* pixels, int64_t count,
                                                          const Place& place) {
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
        store(place(3 * i, c), rows[i][0] - rows[i][1]);
        store(place(3 * i + 1, c), rows[i][1]);
        store(place(3 * i + 2, c), rows[i][2] - rows[i][1]);
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
      transform([](const float* p) { return V::load(p); }, [](auto* p, Reg x) { V::store(p, x); }, c);
    if (c < count)
      transform([=](const float* p) { return V::load_part(p, count - c); },
                [=](auto* p, Reg x) { V::store_part(p, x, count - c); }, c);
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
};

}  // namespace duel::cpu
