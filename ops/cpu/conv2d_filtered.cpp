// Forward and data gradient as filtered products.
//
// fprop: output pixel o meets input pixel stride * (o + t) - pad + r through tap stride * t + r, for phases r
// and t = 0, 1. The phases of a group of outputs add up, so they lie one after the other in the depth. dgrad:
// pixels of dx of one phase meet two taps; each phase is a product of its own, with the same dy.
#include "ops/cpu/conv2d_filtered.h"

#include <algorithm>
#include <array>

#include "lib/error.h"
#include "ops/cpu/conv2d_phases.h"
#include "ops/cpu/filtered_product.h"

namespace duel::cpu {
namespace {

/// Fewer channels than this do not fill the products' vectors and depths.
constexpr int64_t least_channels = 32;

/// Rows of pairs are put together from runs of channels, which must not end in the middle of one.
bool fits_kernels(const Conv2dShape& s) {
  const Microkernels& kernels = microkernels();
  return !kernels.pairs() || (kernels.filter_row != nullptr && s.ic % 2 == 0 && s.oc % 2 == 0);
}

bool fits(const Conv2dShape& s) {
  return fits_kernels(s) && s.stride_h <= 2 && s.stride_w <= 2 && s.kh == 2 * s.stride_h &&
         s.kw == 2 * s.stride_w && s.ic >= least_channels && s.oc >= least_channels && s.n > 0;
}

/// The four taps (t, u), u fastest, of one phase of the weight, `step_h` and `step_w` floats apart.
struct PhaseTaps {
  const float* first;
  int64_t step_h, step_w;

  void locate(int64_t offset, const float** taps) const {
    for (int64_t i = 0; i < 4; ++i) taps[i] = first + i / 2 * step_h + i % 2 * step_w + offset;
  }
};

/// Depth (phase, ic), columns oc.
class FpropWeight final : public FilteredWeight {
 public:
  FpropWeight(const Conv2dShape& shape, const float* weight) : shape_(shape), weight_(weight) {}

  void pack(const Microkernels& kernels, int64_t column, int64_t columns, int64_t k, int64_t depth,
            float* out, int64_t stride) const override {
    constexpr int64_t most_columns = 32, run = 16;
    alignas(64) float filtered[filter_products * most_columns * run];
    for (int64_t done = 0; done < depth;) {
      const int64_t phase = (k + done) / shape_.ic, ic = (k + done) % shape_.ic;
      const int64_t count = std::min({depth - done, shape_.ic - ic, run});
      const PhaseTaps phase_taps = taps_of(phase);
      for (int64_t c = 0; c < columns; ++c) {
        const float* taps[4];
        phase_taps.locate((column + c) * shape_.gemm_k() + ic, taps);
        kernels.filter_taps(taps, count, filtered + c * run, most_columns * run);
      }
      for (int64_t i = 0; i < filter_products; ++i)
        kernels.transpose(filtered + i * most_columns * run, run, columns, count,
                          out + i * stride + done * kernels.panel, kernels.panel);
      done += count;
    }
  }

 private:
  PhaseTaps taps_of(int64_t phase) const {
    const int64_t ry = phase / shape_.stride_w, rx = phase % shape_.stride_w;
    return {weight_ + (ry * shape_.kw + rx) * shape_.ic, shape_.stride_h * shape_.kw * shape_.ic,
            shape_.stride_w * shape_.ic};
  }

  const Conv2dShape& shape_;
  const float* weight_;
};

/// Of one phase: depth oc, columns ic. A later tap meets an earlier pixel.
class DgradWeight final : public FilteredWeight {
 public:
  DgradWeight() = default;
  DgradWeight(const Conv2dShape& s, const float* weight, const PhaseAxis& y, const PhaseAxis& x)
      : taps_{weight + (y.last_tap * s.kw + x.last_tap) * s.ic, -s.stride_h * s.kw * s.ic,
              -s.stride_w * s.ic},
        row_(s.gemm_k()) {}

  void pack(const Microkernels& kernels, int64_t column, int64_t columns, int64_t k, int64_t depth,
            float* out, int64_t stride) const override {
    for (int64_t d = 0; d < depth; ++d) {
      const float* taps[4];
      taps_.locate((k + d) * row_ + column, taps);
      kernels.filter_taps(taps, columns, out + d * kernels.panel, stride);
    }
  }

 private:
  PhaseTaps taps_{};
  int64_t row_ = 0;
};

}  // namespace

bool filtered_fprop_fits(const Conv2dShape& s) { return fits(s) && s.oh % 2 == 0 && s.ow % 2 == 0; }
bool filtered_dgrad_fits(const Conv2dShape& s) {
  return fits(s) && s.ih % (2 * s.stride_h) == 0 && s.iw % (2 * s.stride_w) == 0;
}
bool filtered_wgrad_fits(const Conv2dShape& s) { return filtered_fprop_fits(s); }

// The filtered weights are 36 / 16 of the weights. With fewer groups packing them costs more than the
// products save; measured on the layers of celeba32, where fprop also has to transpose them.
bool filtered_fprop_pays(const Conv2dShape& s) {
  constexpr int64_t least_groups = 192;
  return filtered_fprop_fits(s) && s.gemm_m() / 4 >= least_groups;
}
bool filtered_dgrad_pays(const Conv2dShape& s) {
  constexpr int64_t least_groups = 96;
  return filtered_dgrad_fits(s) && s.n * s.ih * s.iw / (4 * s.stride_h * s.stride_w) >= least_groups;
}
bool filtered_wgrad_pays(const Conv2dShape& s) { return filtered_wgrad_fits(s); }

void conv2d_fprop_filtered(const Conv2dShape& s, const float* x, const float* weight,
                           const Epilogue& epilogue, float* y, Write write) {
  check_epilogue("[conv2d_fprop]", epilogue, write);
  if (s.gemm_m() == 0) return;
  const FpropWeight filtered(s, weight);
  FilteredProduct product{.grid = {x, s.ih, s.iw, s.ic, s.oh / 2, s.ow / 2, s.stride_h, s.stride_w},
                          .origins = {},
                          .origin_count = s.stride_h * s.stride_w,
                          .groups = s.gemm_m() / 4,
                          .columns = s.oc,
                          .weight = &filtered,
                          .c = {y, s.oh / 2, s.ow / 2, s.oh * s.ow * s.oc, 2 * s.ow * s.oc, 2 * s.oc},
                          .down = s.ow * s.oc,
                          .right = s.oc,
                          .accumulate = write == Write::Add,
                          .epilogue = epilogue};
  for (int64_t i = 0; i < product.origin_count; ++i)
    product.origins[static_cast<size_t>(i)] = {i / s.stride_w - s.pad_h, i % s.stride_w - s.pad_w};
  multiply_filtered({&product, 1});
}

void conv2d_dgrad_filtered(const Conv2dShape& s, const float* dy, const float* weight,
                           const Epilogue& epilogue, float* dx, Write write) {
  check_epilogue("[conv2d_dgrad]", epilogue, write);
  if (s.ih == 0 || s.iw == 0) return;
  std::array<DgradWeight, max_filtered_products> weights;
  std::array<FilteredProduct, max_filtered_products> products;
  const int64_t grid_h = s.ih / s.stride_h / 2, grid_w = s.iw / s.stride_w / 2;
  const auto count = static_cast<size_t>(s.stride_h * s.stride_w);
  for (size_t i = 0; i < count; ++i) {
    const int64_t ry = static_cast<int64_t>(i) / s.stride_w, rx = static_cast<int64_t>(i) % s.stride_w;
    const PhaseAxis y(ry, s.stride_h, s.pad_h, s.kh, s.ih), x(rx, s.stride_w, s.pad_w, s.kw, s.iw);
    weights[i] = {s, weight, y, x};
    products[i] = {.grid = {dy, s.oh, s.ow, s.oc, grid_h, grid_w, 1, 1},
                   .origins = {FilterGrid::Origin{y.first, x.first}},
                   .origin_count = 1,
                   .groups = s.n * grid_h * grid_w,
                   .columns = s.ic,
                   .weight = &weights[i],
                   .c = {dx + (ry * s.iw + rx) * s.ic, grid_h, grid_w, s.ih * s.iw * s.ic,
                         2 * s.stride_h * s.iw * s.ic, 2 * s.stride_w * s.ic},
                   .down = s.stride_h * s.iw * s.ic,
                   .right = s.stride_w * s.ic,
                   .accumulate = write == Write::Add,
                   .epilogue = epilogue};
  }
  multiply_filtered({products.data(), count});
}

}  // namespace duel::cpu
