// The three kernels of convolution without a stored im2col matrix, float32: its elements are looked up in the
// picture on their way into shared memory (tile_product.cuh) and rounded as `precision` says on their way out
// of it. They need compute capability 8.0.
#pragma once

#include "cuda/device_allocator.h"
#include "cuda/epilogue.h"
#include "cuda/queue.h"
#include "lib/conv2d_shape.h"
#include "lib/kernels.h"
#include "lib/write.h"

namespace duel::cuda {

/// Whether they can: they count rows, columns, pixels, and the elements of a picture and of the weight in 32
/// bits, and have room for so many phases.
bool fits_implicit(const Conv2dShape& shape);

/// See Kernels::conv2d_fprop and so on. The epilogue comes before the adding.
void conv2d_fprop_implicit(const Queue& queue, Precision precision, const Conv2dShape& shape, const float* x,
                           const float* weight, float* y, Write write, const Epilogue& epilogue = {});
void conv2d_dgrad_implicit(const Queue& queue, Precision precision, const Conv2dShape& shape, const float* dy,
                           const float* weight, float* dx, Write write, const Epilogue& epilogue = {});
void conv2d_wgrad_implicit(const Queue& queue, CachingAllocator& allocator, Precision precision,
                           const Conv2dShape& shape, const float* x, const float* dy, float* dw, Write write);

}  // namespace duel::cuda
