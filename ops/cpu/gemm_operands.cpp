#include "ops/cpu/gemm_operands.h"

#include <algorithm>

namespace duel::cpu {
namespace {

constexpr int64_t float_bytes = sizeof(float);

/// Rows of memory that are read in place one after the other lie at most this many floats apart: from 4 KiB
/// on, those of a block of the depth would share so few cache sets that L2 could not hold them.
constexpr int64_t longest_step = 512;

/// Stands for a pixel outside the picture.
alignas(64) const float zeros[longest_step] = {};

/// The rows of pictures that the tap rows ty .. ty_end-1 of some consecutive patches lie on.
Region picture_rows(const Patches& p, int64_t patch, int64_t patches, int64_t ty, int64_t ty_end) {
  const auto row_of = [&](int64_t index) {
    return index / p.grid_w / p.grid_h * p.height + index / p.grid_w % p.grid_h * p.step_h + p.first_h;
  };
  const int64_t row_bytes = p.width * p.channels * float_bytes;
  const int64_t first = std::max<int64_t>(0, row_of(patch) + ty), last = row_of(patch + patches - 1) + ty_end;
  const float* const begin = p.pictures + first * p.width * p.channels;
  const bool evenly_spaced = p.height == p.grid_h * p.step_h;
  if (!evenly_spaced || ty_end - ty >= p.step_h) return {begin, (last - first) * row_bytes, 0, 1};
  return {begin, (ty_end - ty) * row_bytes, p.step_h * row_bytes, (last - first + p.step_h - 1) / p.step_h};
}

}  // namespace

Region PatchesLeft::source(int64_t row, int64_t rows, int64_t k, int64_t depth) const {
  const int64_t run = patches_.taps_w * patches_.channels;
  if (rows == 0 || depth == 0) return {};
  return picture_rows(patches_, row, rows, k / run, (k + depth - 1) / run + 1);
}

Region TransposedLeft::source(int64_t row, int64_t rows, int64_t k, int64_t depth) const {
  if (rows == m_) return {data_ + k * m_, depth * m_ * float_bytes, 0, 1};
  return {data_ + k * m_ + row, rows * float_bytes, m_ * float_bytes, depth};
}

const float* TransposedLeft::in_place(int64_t row, int64_t k) const {
  return m_ <= longest_step ? data_ + k * m_ + row : nullptr;
}

void PatchesRight::pack(const Microkernels& kernels, int64_t column, int64_t columns, int64_t k,
                        int64_t depth, float* out) const {
  const int64_t run = patches_.taps_w * patches_.channels, begin = column % run;
  // From this panel to the next: the following floats of the picture's row, or the start of the taps in the
  // next row.
  const int64_t next =
      begin + kernels.panel < run ? kernels.panel : patches_.width * patches_.channels - begin;
  kernels.gather_patches(patches_, k, depth, column, columns, out, kernels.panel, next);
}

Region PatchesRight::source(int64_t column, int64_t columns, int64_t k, int64_t depth) const {
  const int64_t run = patches_.taps_w * patches_.channels;
  return picture_rows(patches_, k, depth, column / run, (column + columns - 1) / run + 1);
}

int64_t PatchesRight::in_place_columns(const Microkernels& kernels) const {
  const bool panels_in_one_tap = patches_.channels % kernels.panel == 0;
  return panels_in_one_tap && patches_.step_w * patches_.channels <= longest_step ? patches_.channels : 0;
}

void PatchesRight::locate(int64_t column, int64_t k, int64_t depth, const float** rows) const {
  const Patches& p = patches_;
  const int64_t tap = column / p.channels, ty = tap / p.taps_w, tx = tap % p.taps_w;
  int64_t picture = k / (p.grid_h * p.grid_w), gy = k / p.grid_w % p.grid_h, gx = k % p.grid_w;
  while (depth > 0) {
    const int64_t sy = gy * p.step_h + p.first_h + ty, count = std::min(depth, p.grid_w - gx);
    const float* const row = p.pictures + (picture * p.height + sy) * p.width * p.channels;
    const bool inside = sy >= 0 && sy < p.height;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t sx = (gx + i) * p.step_w + p.first_w + tx;
      rows[i] = inside && sx >= 0 && sx < p.width ? row + sx * p.channels : zeros;
    }
    rows += count;
    depth -= count;
    gx = 0;
    if (++gy == p.grid_h) {
      gy = 0;
      ++picture;
    }
  }
}

}  // namespace duel::cpu
