// The bodies of the column sums over a vector type V, as in microkernel_templates.h; column_sums_<isa>.cpp
// instantiates them.
#pragma once

#include "ops/cpu/column_sums.h"

namespace duel::cpu {

template <class V>
struct ColumnSumsBody {
  using Reg = typename V::Reg;
  static constexpr int64_t width = V::width;

  static void sum(const float* x, int64_t rows, int64_t channels, float* sums) {
    for_columns(channels, [&](auto group, const auto& load, const auto& store, int64_t c) {
      Reg total[group.vectors] = {};
      for_rows<group.vectors>(rows, [&](int64_t r, int v) { total[v] += load(x + r * channels + c, v); });
      for (int v = 0; v < group.vectors; ++v) store(sums + c, total[v], v);
    });
  }

  static void squares(const float* x, const float* mean, int64_t rows, int64_t channels, float* sums) {
    for_columns(channels, [&](auto group, const auto& load, const auto& store, int64_t c) {
      Reg total[group.vectors] = {}, m[group.vectors];
      for (int v = 0; v < group.vectors; ++v) m[v] = load(mean + c, v);
      for_rows<group.vectors>(rows, [&](int64_t r, int v) {
        const Reg d = load(x + r * channels + c, v) - m[v];
        total[v] = V::fma(d, d, total[v]);
      });
      for (int v = 0; v < group.vectors; ++v) store(sums + c, total[v], v);
    });
  }

  static void gradients(const BatchNormGradient& g, int64_t first, int64_t rows, int64_t channels,
                        float* sums, float* weighted) {
    if (g.scale == nullptr)
      return weigh<false>(g, first, rows, channels, sums, weighted, [](Reg dy, Reg, Reg) { return dy; });
    // Compared with -bias rather than summed, where (x - mean) * scale would not be rounded on the way: the
    // gradient of x is let through where the forward's result is above 0, and this has to be the same there.
    if (g.negative_slope == 0)
      return weigh<true>(g, first, rows, channels, sums, weighted, [](Reg dy, Reg scaled, Reg minus_bias) {
        return scaled <= minus_bias ? Reg{} : dy;
      });
    const Reg slope = V::broadcast(g.negative_slope);
    weigh<true>(g, first, rows, channels, sums, weighted, [slope](Reg dy, Reg scaled, Reg minus_bias) {
      return scaled <= minus_bias ? dy * slope : dy;
    });
  }

  static constexpr ColumnSums table() { return {sum, squares, gradients}; }

 private:
  template <bool activated, class Activation>
  static void weigh(const BatchNormGradient& g, int64_t first, int64_t rows, int64_t channels, float* sums,
                    float* weighted, const Activation& activation) {
    for_columns(channels, [&](auto group, const auto& load, const auto& store, int64_t c) {
      Reg total[group.vectors] = {}, products[group.vectors] = {}, m[group.vectors];
      Reg scale[group.vectors] = {}, minus_bias[group.vectors] = {};
      for (int v = 0; v < group.vectors; ++v) {
        m[v] = load(g.mean + c, v);
        if constexpr (activated) scale[v] = load(g.scale + c, v), minus_bias[v] = -load(g.bias + c, v);
      }
      for_rows<group.vectors>(rows, [&](int64_t r, int v) {
        const int64_t at = first + r * channels + c;
        const Reg centred = load(g.x + at, v) - m[v];
        const Reg dz = activation(load(g.dy + at, v), centred * scale[v], minus_bias[v]);
        total[v] += dz;
        products[v] = V::fma(dz, centred, products[v]);
      });
      for (int v = 0; v < group.vectors; ++v) {
        store(sums + c, total[v], v);
        store(weighted + c, products[v], v);
      }
    });
  }

  template <int count>
  struct Group {
    static constexpr int vectors = count;
  };

  template <int vectors, class Body>
  [[gnu::always_inline]] static inline void for_rows(int64_t rows, const Body& body) {
    for (int64_t r = 0; r < rows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) body(r, v);
    }
  }

  /// Calls body(group, load, store, first column) for groups of four vectors, then of one, the last perhaps
  /// not whole.
  template <class Body>
  [[gnu::always_inline]] static inline void for_columns(int64_t channels, const Body& body) {
    const auto load = [](const float* p, int v) { return V::load(p + v * width); };
    const auto store = [](float* p, Reg x, int v) { V::store(p + v * width, x); };
    int64_t c = 0;
    for (; c + 4 * width <= channels; c += 4 * width) body(Group<4>{}, load, store, c);
    for (; c + width <= channels; c += width) body(Group<1>{}, load, store, c);
    const int64_t rest = channels - c;
    if (rest > 0)
      body(
          Group<1>{}, [rest](const float* p, int) { return V::load_part(p, rest); },
          [rest](float* p, Reg x, int) { V::store_part(p, x, rest); }, c);
  }
};

}  // namespace duel::cpu
