// wgrad as one product: rows = output channels, depth = output pixels, columns = taps times input channels.
// A is dy transposed, B the patches of x; both are stored depth by depth, as the product takes them, and are
// read where they lie, or copied where one depth is far from the next, or where tiles would wait for the
// cache (Microkernels::least_packed_panels).
//
// The depth is long and the result small, so threads share the depth: it is cut into chunks, each with a
// partial result of its own, which are then added in order. The number of chunks depends on the shape alone,
// never on the threads.
#include <algorithm>
#include <array>

#include "ops/cpu/conv2d_implicit.h"
#include "ops/cpu/conv2d_implicit_patches.h"
#include "ops/cpu/gemm_multiply.h"
#include "ops/cpu/partial_results.h"

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

}  // namespace

void conv2d_wgrad_implicit(const Conv2dShape& shape, const float* x, const float* dy, float* dw,
                           Write write) {
  const int64_t size = shape.oc * shape.gemm_k(), pixels = shape.gemm_m();
  if (size == 0) return;
  const TransposedLeft a(dy, shape.oc);
  const PatchesRight b(input_patches(shape, x));
  const int64_t chunks = chunks_for(shape);
  const PartialResults partials(dw, size, chunks);

  std::array<Product, max_chunks> products;
  for (int64_t i = 0; i < chunks; ++i) {
    const int64_t begin = pixels * i / chunks, end = pixels * (i + 1) / chunks;
    products[static_cast<size_t>(i)] = {.m = shape.oc,
                                        .n = shape.gemm_k(),
                                        .k = end - begin,
                                        .a = &a,
                                        .b = &b,
                                        .c = matrix_rows(partials.of(i), shape.gemm_k()),
                                        .accumulate = i == 0 && write == Write::Add,
                                        .k_begin = begin};
  }
  multiply({products.data(), static_cast<size_t>(chunks)});
  partials.add_up(microkernels());
}

}  // namespace duel::cpu
