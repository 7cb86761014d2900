// The three kernels of convolution without a stored im2col matrix: its elements are looked up in the picture
// on their way into shared memory (tile_product.cuh). For factors of bfloat16, whose result is bfloat16 or
// float32, and for float32 as it is or rounded to TF32, as `precision` says. They need compute
// capability 8.0, and shapes that fits_implicit() (cuda/conv2d_patches.h).
#pragma once

#include "cuda/device_allocator.h"
#include "cuda/epilogue.h"
#include "cuda/queue.h"
#include "lib/conv2d_shape.h"
#include "lib/kernels.h"
#include "lib/tensor.h"
#include "lib/write.h"

namespace duel::cuda {

class ReductionSpace;

/// See Kernels::conv2d_fprop and so on. The epilogue comes before the adding.
void conv2d_fprop_implicit(const Queue& queue, CachingAllocator& allocator, Precision precision,
                           const Conv2dShape& shape, const Tensor& x, const Tensor& weight, const Tensor& y,
                           Write write, const Epilogue& epilogue = {});
void conv2d_dgrad_implicit(const Queue& queue, CachingAllocator& allocator, Precision precision,
                           const Conv2dShape& shape, const Tensor& dy, const Tensor& weight, const Tensor& dx,
                           Write write, const Epilogue& epilogue = {});

/// The data gradient by squares of pixels, where it reads less than by phases: conv2d_dgrad_implicit() asks.
bool fits_subpixels(const Conv2dShape& shape, Precision precision, const Tensor& dy);
void conv2d_dgrad_subpixels(const Queue& queue, CachingAllocator& allocator, Precision precision,
                            const Conv2dShape& shape, const Tensor& dy, const Tensor& weight,
                            const Tensor& dx, Write write, const Epilogue& epilogue);

void conv2d_wgrad_implicit(const Queue& queue, const ReductionSpace& reductions, Precision precision,
                           const Conv2dShape& shape, const Tensor& x, const Tensor& dy, const Tensor& dw,
                           Write write);

}  // namespace duel::cuda
