// The im2col matrix stored in the device's memory.
#pragma once

#include "cuda/queue.h"
#include "lib/bfloat16.h"
#include "lib/conv2d_shape.h"
#include "lib/write.h"

namespace duel::cuda {

/// columns (gemm_m, gemm_k) = the receptive fields of x (n, ih, iw, ic), 0 where they reach over its border.
/// See im2col_source() for which element goes where.
template <class T>
void im2col(const Queue& queue, const Conv2dShape& shape, const T* x, T* columns);

/// The transpose of im2col: each element of x = or += the sum of the elements of columns that im2col would
/// have copied from it, always in the same order.
template <class T>
void col2im(const Queue& queue, const Conv2dShape& shape, const Computed<T>* columns, T* x, Write write);

}  // namespace duel::cuda
