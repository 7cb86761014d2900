#include "ops/nn/init.h"

#include <cmath>

namespace duel::nn {
namespace {

/// Biases 0, batch norm's weights from `of_batch_norm`, the others from `of_weight(shape outside)`.
template <class OfWeight>
void init(Module& module, const Normal& of_batch_norm, const OfWeight& of_weight, RandomStream& stream) {
  for (const NamedTensor& parameter : module.parameters()) {
    const Tensor& tensor = *parameter.tensor;
    if (parameter.name.ends_with("bias")) {
      tensor.fill(0);
    } else if (tensor.dims() < 2 && of_batch_norm.std == 0) {
      tensor.fill(of_batch_norm.mean);  // draws nothing, so that later weights stay what they are without it
    } else {
      const Shape shape = outside_shape(tensor.shape(), parameter.layout);
      const Tensor drawn = Tensor::empty(shape, tensor.dtype(), tensor.device());
      stream.fill(drawn, tensor.dims() < 2 ? Distribution(of_batch_norm) : Distribution(of_weight(shape)));
      tensor.copy_from(from_outside(drawn, parameter.layout));
    }
  }
}

}  // namespace

void init_normal(Module& module, double std, RandomStream& stream, double bn_std) {
  init(
      module, Normal{1, bn_std},
      [&](const Shape&) {
        return Normal{0, std};
      },
      stream);
}

// The first two dimensions are what goes in and what comes out, in either order; the others are the kernel's.
void init_glorot_uniform(Module& module, RandomStream& stream) {
  const auto of_weight = [](const Shape& shape) {
    const int64_t kernel = shape.numel() / (shape[0] * shape[1]);
    const double bound = std::sqrt(6.0 / static_cast<double>((shape[0] + shape[1]) * kernel));
    return Uniform{-bound, bound};
  };
  init(module, Normal{1, 0}, of_weight, stream);
}

}  // namespace duel::nn
