#include "ops/cpu/im2col.h"

#include <algorithm>

#include "lib/im2col.h"
#include "ops/cpu/parallel.h"

namespace duel::cpu {
namespace {

/// Calls tap(run in x or -1, run in the columns) for every tap of every output pixel of picture n; a run is
/// the index of `ic` neighbouring elements.
template <class Tap>
void for_each_tap(const Conv2dShape& s, int64_t n, const Tap& tap) {
  const int64_t pixels = s.oh * s.ow, taps = s.kh * s.kw;
  for (int64_t row = n * pixels; row < (n + 1) * pixels; ++row)
    for (int64_t t = 0; t < taps; ++t) tap(im2col_source(s, row, t * s.ic), (row * taps + t) * s.ic);
}

}  // namespace

template <class T>
void im2col(const Conv2dShape& s, const T* x, T* columns) {
#pragma omp parallel for schedule(static) if (s.gemm_m() * s.gemm_k() > elements_per_chunk)
  for (int64_t n = 0; n < s.n; ++n) {
    for_each_tap(s, n, [&](int64_t source, int64_t target) {
      if (source < 0) {
        std::fill_n(columns + target, s.ic, T(0));
      } else {
        std::copy_n(x + source, s.ic, columns + target);
      }
    });
  }
}

// One picture a thread: the taps of different pixels of one picture meet in x.
template <class T>
void col2im(const Conv2dShape& s, const T* columns, T* x) {
#pragma omp parallel for schedule(static) if (s.gemm_m() * s.gemm_k() > elements_per_chunk)
  for (int64_t n = 0; n < s.n; ++n) {
    for_each_tap(s, n, [&](int64_t source, int64_t target) {
      if (source < 0) return;
      for (int64_t c = 0; c < s.ic; ++c) x[source + c] += columns[target + c];
    });
  }
}

template void im2col(const Conv2dShape&, const float*, float*);
template void im2col(const Conv2dShape&, const double*, double*);
template void col2im(const Conv2dShape&, const float*, float*);
template void col2im(const Conv2dShape&, const double*, double*);

}  // namespace duel::cpu
