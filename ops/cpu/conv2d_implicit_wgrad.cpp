// wgrad as one product: rows = output channels, depth = output pixels, columns = taps times input channels.
// A is dy transposed, B the patches of x; both are stored depth by depth, so packing them only copies.
//
// The depth is long and the result small, so threads share the depth: it is cut into chunks, each with a
// partial result of its own, which are then added in order. The number of chunks depends on the shape alone,
// never on the threads.
#include <algorithm>
#include <array>

#include "ops/cpu/conv2d_implicit.h"
#include "ops/cpu/conv2d_implicit_patches.h"
#include "ops/cpu/gemm_multiply.h"
#include "ops/cpu/gemm_scratch.h"

namespace duel::cpu {
namespace {

constexpr int64_t max_chunks = max_products;

/// Enough chunks for the blocks of the result times the chunks to occupy many threads, few enough that each
/// is long beside the sum of the partial results.
int64_t chunks_for(const Conv2dShape& shape) {
  constexpr int64_t result_per_task = 128 * 128, least_depth = 4 * max_depth;
  const int64_t blocks = std::max<int64_t>(1, shape.oc * shape.gemm_k() / result_per_task);
  const int64_t most = std::max<int64_t>(1, shape.gemm_m() / least_depth);
  return std::clamp<int64_t>(32 / blocks, 1, std::min(max_chunks, most));
}

void add_partials(const Microkernels& kernels, const float* partials, int64_t count, int64_t stride,
                  int64_t size, float* dw) {
  constexpr int64_t piece = 4096;
#pragma omp parallel for schedule(static)
  for (int64_t begin = 0; begin < size; begin += piece) {
    const int64_t length = std::min(piece, size - begin);
    for (int64_t i = 0; i < count; ++i)
      kernels.add_rows(partials + i * stride + begin, 0, 1, length, dw + begin, 0);
  }
}

}  // namespace

void conv2d_wgrad_implicit(const Conv2dShape& shape, const float* x, const float* dy, float* dw,
                           Write write) {
  const int64_t size = shape.oc * shape.gemm_k(), pixels = shape.gemm_m();
  if (size == 0) return;
  const TransposedLeft a(dy, shape.oc);
  const PatchesRight b(input_patches(shape, x));
  const int64_t chunks = chunks_for(shape), stride = Scratch::padded(size);
  Scratch scratch((chunks - 1) * stride);
  float* const partials = scratch.take((chunks - 1) * stride);

  std::array<Product, max_chunks> products;
  for (int64_t i = 0; i < chunks; ++i) {
    const int64_t begin = pixels * i / chunks, end = pixels * (i + 1) / chunks;
    float* const target = i == 0 ? dw : partials + (i - 1) * stride;
    products[static_cast<size_t>(i)] = {.m = shape.oc,
                                        .n = shape.gemm_k(),
                                        .k = end - begin,
                                        .a = &a,
                                        .b = &b,
                                        .c = matrix_rows(target, shape.gemm_k()),
                                        .accumulate = i == 0 && write == Write::Add,
                                        .k_begin = begin};
  }
  multiply({products.data(), static_cast<size_t>(chunks)});
  if (chunks > 1) add_partials(microkernels(), partials, chunks - 1, stride, size, dw);
}

}  // namespace duel::cpu
