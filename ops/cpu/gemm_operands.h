// Where the two factors of a product come from: matrices, or the patches of pictures (an implicit im2col
// matrix). An operand can be read where it lies, or packs a piece of itself for the microkernels; nothing
// else of it is ever stored.
#pragma once

#include <cstdint>

#include "ops/cpu/microkernel.h"
#include "ops/cpu/prefetch.h"

namespace duel::cpu {

/// A (m x k).
class LeftOperand {
 public:
  explicit LeftOperand(LeftLayout layout) : layout_(layout) {}
  virtual ~LeftOperand() = default;
  LeftLayout layout() const { return layout_; }

  /// Rows row .. row+rows-1 (at most a tile's) of the steps k .. k+depth-1: element (r, i) at
  /// out[r * left_row_stride + i], or for Columns at out[i * kernels.left_step + r].
  virtual void pack(const Microkernels& kernels, int64_t row, int64_t rows, int64_t k, int64_t depth,
                    float* out) const = 0;

  /// What packing those steps of those rows reads.
  virtual Region source(int64_t row, int64_t rows, int64_t k, int64_t depth) const = 0;

  /// For Columns: element (row, k), from which the others are read in place, or null where they should be
  /// packed.
  virtual const float* in_place(int64_t, int64_t) const { return nullptr; }
  virtual int64_t in_place_step() const { return 0; }

 private:
  LeftLayout layout_;
};

/// B (k x n).
class RightOperand {
 public:
  virtual ~RightOperand() = default;

  /// out[i * kernels.panel + j] = element (k + i, column + j). Lanes past `columns` may be left as they are:
  /// what the microkernel computes from them is not stored.
  virtual void pack(const Microkernels& kernels, int64_t column, int64_t columns, int64_t k, int64_t depth,
                    float* out) const = 0;

  /// Whether the whole of it may be packed and kept while the product is computed.
  virtual bool small() const { return true; }

  /// What packing those steps of those columns reads; empty if it is not worth prefetching.
  virtual Region source(int64_t, int64_t, int64_t, int64_t) const { return {}; }

  /// If all panels can be read in place by a Columns microkernel: how many columns, from a multiple of that
  /// number on, share a table of rows. Otherwise 0.
  virtual int64_t in_place_columns(const Microkernels&) const { return 0; }
  /// That table: rows[i] is element (k + i, column), `column` being such a multiple.
  virtual void locate(int64_t, int64_t, int64_t, const float**) const {}
};

/// Patches, one per row.
class PatchesLeft final : public LeftOperand {
 public:
  explicit PatchesLeft(const Patches& patches) : LeftOperand(LeftLayout::Rows), patches_(patches) {}
  void pack(const Microkernels& kernels, int64_t row, int64_t rows, int64_t k, int64_t depth,
            float* out) const override {
    kernels.gather_patches(patches_, row, rows, k, depth, out, left_row_stride, 0);
  }
  Region source(int64_t row, int64_t rows, int64_t k, int64_t depth) const override;

 private:
  Patches patches_;
};

/// The transpose of a matrix stored as (k, m).
class TransposedLeft final : public LeftOperand {
 public:
  TransposedLeft(const float* data, int64_t m) : LeftOperand(LeftLayout::Columns), data_(data), m_(m) {}
  void pack(const Microkernels& kernels, int64_t row, int64_t rows, int64_t k, int64_t depth,
            float* out) const override {
    kernels.copy_rows(data_ + k * m_ + row, m_, depth, rows, out, kernels.left_step);
  }
  Region source(int64_t row, int64_t rows, int64_t k, int64_t depth) const override;
  const float* in_place(int64_t row, int64_t k) const override;
  int64_t in_place_step() const override { return m_; }

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
  void pack(const Microkernels& kernels, int64_t column, int64_t columns, int64_t k, int64_t depth,
            float* out) const override;
  bool small() const override { return false; }
  Region source(int64_t column, int64_t columns, int64_t k, int64_t depth) const override;
  int64_t in_place_columns(const Microkernels& kernels) const override;
  void locate(int64_t column, int64_t k, int64_t depth, const float** rows) const override;

 private:
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
