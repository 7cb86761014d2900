// dgrad by phases. The pixels of dx with the same remainders (iy mod stride_h, ix mod stride_w) see the same
// taps, and on them dgrad is an ordinary convolution of dy with stride 1 and those taps alone: nothing is
// scattered and no zero is multiplied. Per phase one product: rows = pixels of dx, depth = the phase's taps
// times output channels, columns = input channels.
#include <algorithm>
#include <array>
#include <optional>

#include "lib/error.h"
#include "ops/cpu/conv2d_implicit.h"
#include "ops/cpu/conv2d_implicit_scatter.h"
#include "ops/cpu/conv2d_phases.h"
#include "ops/cpu/gemm_multiply.h"

namespace duel::cpu {
namespace {

/// The weight as B of a phase: step (ty, tx, oc) of the depth, column ic.
class PhaseWeight final : public RightOperand {
 public:
  PhaseWeight() = default;
  PhaseWeight(const Conv2dShape& shape, const float* weight, const PhaseAxis& y, const PhaseAxis& x)
      : tap_(weight + (y.last_tap * shape.kw + x.last_tap) * shape.ic),
        oc_(shape.oc),
        taps_w_(x.taps),
        row_(shape.gemm_k()),
        step_h_(shape.stride_h * shape.kw * shape.ic),
        step_w_(shape.stride_w * shape.ic) {}

  void pack(const Microkernels& kernels, int64_t column, int64_t columns, int64_t k, int64_t depth,
            float* out) const override {
    while (depth > 0) {
      const int64_t tap = k / oc_, oc = k % oc_, count = std::min(depth, oc_ - oc);
      const float* from = tap_ - tap / taps_w_ * step_h_ - tap % taps_w_ * step_w_ + oc * row_ + column;
      kernels.copy_rows(from, row_, count, columns, out, kernels.panel);
      k += count;
      depth -= count;
      out += count * kernels.panel;
    }
  }

 private:
  const float* tap_ = nullptr;  // where the phase's first step is; later taps lie before it
  int64_t oc_ = 0, taps_w_ = 0, row_ = 0, step_h_ = 0, step_w_ = 0;
};

/// A phase with the operands of its product. Not copied: the product points into it.
struct Phase {
  PhaseAxis y, x;
  PatchesLeft dy;
  PhaseWeight weight;

  Phase(const Conv2dShape& s, int64_t ry, int64_t rx, const float* dy_data, const float* weight_data)
      : y(ry, s.stride_h, s.pad_h, s.kh, s.ih),
        x(rx, s.stride_w, s.pad_w, s.kw, s.iw),
        dy({.pictures = dy_data,
            .height = s.oh,
            .width = s.ow,
            .channels = s.oc,
            .grid_h = y.pixels,
            .grid_w = x.pixels,
            .step_h = 1,
            .step_w = 1,
            .first_h = y.first,
            .first_w = x.first,
            .taps_h = y.taps,
            .taps_w = x.taps}),
        weight(s, weight_data, y, x) {}
  Phase(const Phase&) = delete;
  Phase& operator=(const Phase&) = delete;
};

}  // namespace

void conv2d_dgrad_implicit(const Conv2dShape& shape, const float* dy, const float* weight,
                           const Epilogue& epilogue, float* dx, Write write) {
  check_epilogue("[conv2d_dgrad]", epilogue, write);
  if (shape.n * shape.ih * shape.iw * shape.ic == 0) return;
  if (scatter_pays(microkernels(), shape)) {
    dgrad_by_scatter(shape, dy, MatrixRight(weight, shape.gemm_k()), epilogue, dx, write);
    return;
  }
  constexpr size_t at_once = 9;  // all phases up to stride 3
  std::array<std::optional<Phase>, at_once> phases;
  std::array<Product, at_once> products;
  size_t count = 0;
  const int64_t rows = std::min(shape.stride_h, shape.ih), columns = std::min(shape.stride_w, shape.iw);
  for (int64_t i = 0; i < rows * columns; ++i) {
    const int64_t ry = i / columns, rx = i % columns;
    const Phase& phase = phases[count].emplace(shape, ry, rx, dy, weight);
    const OutputRows pixels{dx + (ry * shape.iw + rx) * shape.ic,
                            phase.y.pixels,
                            phase.x.pixels,
                            shape.ih * shape.iw * shape.ic,
                            shape.stride_h * shape.iw * shape.ic,
                            shape.stride_w * shape.ic};
    products[count++] = {.m = shape.n * phase.y.pixels * phase.x.pixels,
                         .n = shape.ic,
                         .k = phase.y.taps * phase.x.taps * shape.oc,
                         .a = &phase.dy,
                         .b = &phase.weight,
                         .c = pixels,
                         .accumulate = write == Write::Add,
                         .epilogue = epilogue};
    if (count < at_once && i + 1 < rows * columns) continue;
    multiply({products.data(), count});
    count = 0;
  }
}

}  // namespace duel::cpu
