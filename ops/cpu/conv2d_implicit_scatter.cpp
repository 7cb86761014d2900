// The product dy (pixels x oc) times weight (oc x kh*kw*ic) has all taps of all channels side by side in its
// columns: 48 of them, three full vectors, for 4x4 taps of 3 channels, where a phase's product has 3. Its
// rows are then added to dx. In channels-last layout the taps of one kernel row are a run of dx, so that is
// one masked vector load, add and store per kernel row and pixel, against 3 * oc multiply-adds of vectors.
//
// Each thread takes whole pictures, so that no two add to the same element, and multiplies a block of pixels
// at a time into a buffer that stays in L2.
#include "ops/cpu/conv2d_implicit_scatter.h"

#include <omp.h>

#include <algorithm>

#include "lib/divisor.h"
#include "ops/cpu/conv2d_implicit_patches.h"
#include "ops/cpu/gemm_blocks.h"
#include "ops/cpu/gemm_scratch.h"

namespace duel::cpu {
namespace {

/// What pictures of dx are before the products are added, and what is left to do afterwards.
class Frame {
 public:
  Frame(const Microkernels& kernels, int64_t channels, const Epilogue& epilogue, Write write)
      : kernels_(kernels), channels_(channels), epilogue_(epilogue), write_(write) {}

  void start(float* dx, int64_t floats) const {
    if (write_ == Write::Set) std::fill(dx, dx + floats, 0.0f);
    if (epilogue_.bias == nullptr) return;
    for (float* pixel = dx; pixel < dx + floats; pixel += channels_)
      for (int64_t c = 0; c < channels_; ++c) pixel[c] += epilogue_.bias[c];
  }
  void finish(float* dx, int64_t floats) const { kernels_.activate(epilogue_, dx, floats); }

 private:
  const Microkernels& kernels_;
  int64_t channels_;
  const Epilogue& epilogue_;
  Write write_;
};

}  // namespace

bool scatter_pays(const Microkernels& kernels, const Conv2dShape& s) {
  // Vectors of multiply-adds per step of the depth; adding the runs costs about an eighth more.
  const auto vectors = [&](int64_t columns) { return ceil_divide(columns, kernels.vector); };
  const int64_t scatter = s.oh * s.ow * vectors(s.gemm_k());
  const int64_t phases =
      ceil_divide(s.ih, s.stride_h) * ceil_divide(s.iw, s.stride_w) * s.kh * s.kw * vectors(s.ic);
  return scatter * 9 < phases * 8;
}

void dgrad_by_scatter(const Conv2dShape& shape, const float* dy, const RightOperand& weight,
                      const Epilogue& epilogue, float* dx, Write write) {
  const Microkernels& kernels = microkernels();
  const int threads = omp_get_max_threads();
  const int64_t pixels = shape.oh * shape.ow, columns = shape.gemm_k();
  const int64_t block_rows = BlockWorker::max_rows(kernels);
  const int64_t pictures = std::max<int64_t>(1, block_rows / std::max<int64_t>(1, pixels));  // of a task
  const Product all{.m = shape.n * pixels, .n = columns, .k = shape.oc, .a = nullptr, .b = &weight, .c = {}};

  const int64_t buffer_floats = Scratch::padded(block_rows * columns);
  Scratch scratch(Scratch::padded(PackedRight::floats(kernels, all)) +
                  threads * (BlockWorker::floats(kernels) + buffer_floats));
  const PackedRight packed(kernels, all, scratch.take(PackedRight::floats(kernels, all)));
  float* const workers = scratch.take(threads * BlockWorker::floats(kernels));
  float* const buffers = scratch.take(threads * buffer_floats);
  const Patches patches = input_patches(shape, nullptr);
  const Frame frame(kernels, shape.ic, epilogue, write);

#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (int64_t piece = 0; piece < packed.pieces(); ++piece) packed.pack(piece);
    BlockWorker worker(kernels, workers + omp_get_thread_num() * BlockWorker::floats(kernels));
    float* const buffer = buffers + omp_get_thread_num() * buffer_floats;
#pragma omp for schedule(dynamic, 1) nowait
    for (int64_t first = 0; first < shape.n; first += pictures) {
      const int64_t last = std::min(shape.n, first + pictures);
      float* const target = dx + first * shape.ih * shape.iw * shape.ic;
      const int64_t floats = (last - first) * shape.ih * shape.iw * shape.ic;
      frame.start(target, floats);
      for (int64_t pixel = first * pixels; pixel < last * pixels; pixel += block_rows) {
        const int64_t rows = std::min(block_rows, last * pixels - pixel);
        const float* const from = dy + pixel * shape.oc;
        const PatchesLeft a(matrix_patches(from, rows, shape.oc));
        Product product = all;
        product.a = &a;
        product.c = matrix_rows(buffer, columns);
        worker.run(product, {0, rows, 0, all.panels(kernels)}, packed,
                   {from + rows * shape.oc, rows * shape.oc * 4, 0, 1});
        kernels.scatter_patches(patches, pixel, rows, buffer, columns, dx);
      }
      frame.finish(target, floats);
    }
  }
}

}  // namespace duel::cpu
