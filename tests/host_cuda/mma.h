// A stand-in for CUDA's header of this name: see cuda_runtime.h beside it. On a card the threads of a warp
// share the elements of a fragment; here the first one has all of them, and the others do nothing.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "tests/host_cuda/cuda_runtime.h"

namespace nvcuda::wmma {

struct matrix_a;
struct matrix_b;
struct accumulator;
struct row_major;
struct col_major;
namespace precision {
struct tf32;
}
enum layout_t { mem_row_major, mem_col_major };

template <class Use, int m, int n, int k, class T, class Layout = void>
struct fragment {
  static constexpr int rows = std::is_same_v<Use, matrix_b> ? k : m;
  static constexpr int columns = std::is_same_v<Use, matrix_a> ? k : n;
  float element[rows][columns];
};

inline bool first_of_warp() { return threadIdx.x % 32 == 0; }

/// To the nearest, away from zero where two are as near.
inline float __float_to_tf32(float x) {
  return std::bit_cast<float>((std::bit_cast<uint32_t>(x) + 0x1000) & ~uint32_t{0x1fff});
}

/// What a fragment of type T makes of an element: a number that was not rounded to TF32 gives no number.
template <class T, class Element>
float read(Element x) {
  const float value = x;
  const bool unrounded = std::is_same_v<T, precision::tf32> && (std::bit_cast<uint32_t>(value) & 0x1fff) != 0;
  return unrounded ? std::numeric_limits<float>::quiet_NaN() : value;
}

template <class Use, int m, int n, int k, class T, class Layout>
void fill_fragment(fragment<Use, m, n, k, T, Layout>& f, float value) {
  if (!first_of_warp()) return;
  for (auto& row : f.element) {
    for (float& element : row) element = value;
  }
}

template <class Use, int m, int n, int k, class T, class Layout, class Element>
void load_matrix_sync(fragment<Use, m, n, k, T, Layout>& f, const Element* data, int line) {
  if (!first_of_warp()) return;
  for (int i = 0; i < f.rows; ++i) {
    for (int j = 0; j < f.columns; ++j)
      f.element[i][j] = read<T>(data[std::is_same_v<Layout, row_major> ? i * line + j : j * line + i]);
  }
}

template <int m, int n, int k, class T, class LayoutA, class LayoutB>
void mma_sync(fragment<accumulator, m, n, k, float>& d, const fragment<matrix_a, m, n, k, T, LayoutA>& a,
              const fragment<matrix_b, m, n, k, T, LayoutB>& b,
              const fragment<accumulator, m, n, k, float>& c) {
  if (!first_of_warp()) return;
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) {
      float sum = c.element[i][j];
      for (int l = 0; l < k; ++l) sum += a.element[i][l] * b.element[l][j];
      d.element[i][j] = sum;
    }
  }
}

template <int m, int n, int k>
void store_matrix_sync(float* data, const fragment<accumulator, m, n, k, float>& f, int line,
                       layout_t layout) {
  if (!first_of_warp()) return;
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) data[layout == mem_row_major ? i * line + j : j * line + i] = f.element[i][j];
  }
}

}  // namespace nvcuda::wmma
