// The im2col matrix stored in memory: the convolution that can be read, printed and followed.
#pragma once

#include "lib/conv2d_shape.h"

namespace duel::cpu {

/// columns (gemm_m, gemm_k) = the receptive fields of x (n, ih, iw, ic), 0 where they reach over its border.
/// See im2col_source() for which element goes where.
template <class T>
void im2col(const Conv2dShape& shape, const T* x, T* columns);

/// The transpose of im2col: x += each element of columns, at the place that im2col took it from.
template <class T>
void col2im(const Conv2dShape& shape, const T* columns, T* x);

}  // namespace duel::cpu
