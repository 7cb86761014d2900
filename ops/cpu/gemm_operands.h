// Where the two factors of a product come from: matrices, or the patches of pictures (an implicit im2col
// matrix). An operand knows how to pack a piece of itself for the microkernels; nothing else of it is ever
// stored.
#pragma once

#include <algorithm>
#include <cstdint>

#include "ops/cpu/microkernel.h"

namespace duel::cpu {

/// Memory that will be read soon.
struct Range {
  const float* begin = nullptr;
  const float* end = nullptr;
};

/// A (m x k).
class LeftOperand {
 public:
  explicit LeftOperand(LeftLayout layout) : layout_(layout) {}
  virtual ~LeftOperand() = default;
  LeftLayout layout() const { return layout_; }
  /// Rows row .. row+rows-1 (at most a tile's) of the steps k .. k+depth-1, in the layout.
  virtual void pack(const Microkernels& kernels, int64_t row, int64_t rows, int64_t k, int64_t depth,
                    float* out) const = 0;
  /// What packing all of the steps k .. k+depth-1 of those rows reads, or a little more.
  virtual Range source(int64_t row, int64_t rows, int64_t k, int64_t depth) const = 0;

 private:
  LeftLayout layout_;
};

/// B (k x n).
class RightOperand {
 public:
  virtual ~RightOperand() = default;
  /// Whether the whole of it may be packed and kept while the product is computed.
  virtual bool small() const { return true; }
  /// What packing all columns of the steps k .. k+depth-1 reads, or a little more; only asked of large ones.
  virtual Range source(int64_t, int64_t) const { return {}; }
  /// out[i * kernels.panel + j] = element (k + i, column + j). Lanes past `columns` may be left as they are:
  /// what the microkernel computes from them is not stored.
  virtual void pack(const Microkernels& kernels, int64_t column, int64_t columns, int64_t k, int64_t depth,
                    float* out) const = 0;
};

/// The rows of pictures under some consecutive patches.
inline Range patches_source(const Patches& p, int64_t row, int64_t rows) {
  const int64_t picture_row = p.width * p.channels;
  const auto at = [&](int64_t patch, int64_t extra) {
    const int64_t gy = patch / p.grid_w % p.grid_h, picture = patch / p.grid_w / p.grid_h;
    const int64_t sy = gy * p.step_h + p.first_h + extra;
    return p.pictures + (picture * p.height + std::clamp<int64_t>(sy, 0, p.height)) * picture_row;
  };
  return {at(row, 0), at(row + rows - 1, p.taps_h)};
}

/// Patches, one per row.
class PatchesLeft final : public LeftOperand {
 public:
  explicit PatchesLeft(const Patches& patches) : LeftOperand(LeftLayout::RowMajor), patches_(patches) {}
  void pack(const Microkernels& kernels, int64_t row, int64_t rows, int64_t k, int64_t depth,
            float* out) const override {
    kernels.gather_patches(patches_, row, rows, k, depth, out, left_row_stride, 0);
  }
  Range source(int64_t row, int64_t rows, int64_t, int64_t) const override {
    return patches_source(patches_, row, rows);
  }

 private:
  Patches patches_;
};

/// The transpose of a matrix stored as (k, m).
class TransposedLeft final : public LeftOperand {
 public:
  TransposedLeft(const float* data, int64_t m) : LeftOperand(LeftLayout::DepthMajor), data_(data), m_(m) {}
  void pack(const Microkernels& kernels, int64_t row, int64_t rows, int64_t k, int64_t depth,
            float* out) const override {
    kernels.copy_rows(data_ + k * m_ + row, m_, depth, rows, out, kernels.left_depth_stride);
  }
  Range source(int64_t, int64_t, int64_t k, int64_t depth) const override {
    return {data_ + k * m_, data_ + (k + depth) * m_};
  }

 private:
  const float* data_;
  int64_t m_;
};

/// A matrix stored as (k, n).
class MatrixRight final : public RightOperand {
 public:
  MatrixRight(const float* data, int64_t n) : data_(data), n_(n) {}
  void pack(const Microkernels& kernels, int64_t column, int64_t columns, int64_t k, int64_t depth,
            float* out) const override {
    kernels.copy_rows(data_ + k * n_ + column, n_, depth, columns, out, kernels.panel);
  }

 private:
  const float* data_;
  int64_t n_;
};

/// The transpose of a matrix stored as (n, k).
class TransposedRight final : public RightOperand {
 public:
  TransposedRight(const float* data, int64_t k) : data_(data), k_(k) {}
  void pack(const Microkernels& kernels, int64_t column, int64_t columns, int64_t k, int64_t depth,
            float* out) const override {
    kernels.transpose(data_ + column * k_ + k, k_, columns, depth, out, kernels.panel);
  }

 private:
  const float* data_;
  int64_t k_;
};

/// Patches, one per step of the depth.
class PatchesRight final : public RightOperand {
 public:
  explicit PatchesRight(const Patches& patches) : patches_(patches) {}
  bool small() const override { return false; }
  Range source(int64_t k, int64_t depth) const override { return patches_source(patches_, k, depth); }
  void pack(const Microkernels& kernels, int64_t column, int64_t columns, int64_t k, int64_t depth,
            float* out) const override {
    kernels.gather_patches(patches_, k, depth, column, columns, out, kernels.panel,
                           next_panel(kernels, column));
  }

 private:
  /// From a panel to the next one: the following floats of the picture's row, or the start of the taps in the
  /// next row.
  int64_t next_panel(const Microkernels& kernels, int64_t column) const {
    const int64_t run = patches_.taps_w * patches_.channels, begin = column % run;
    return begin + kernels.panel < run ? kernels.panel : patches_.width * patches_.channels - begin;
  }

  Patches patches_;
};

/// A matrix (rows x columns) as patches: it is a picture of one row of pixels, each seen by a patch of one
/// tap.
inline Patches matrix_patches(const float* data, int64_t rows, int64_t columns) {
  return {.pictures = data,
          .height = 1,
          .width = rows,
          .channels = columns,
          .grid_h = 1,
          .grid_w = rows,
          .step_h = 1,
          .step_w = 1,
          .first_h = 0,
          .first_w = 0,
          .taps_h = 1,
          .taps_w = 1};
}

}  // namespace duel::cpu
