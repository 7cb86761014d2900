#include "ops/nn/init.h"

namespace duel::nn {

void init_normal(Module& module, double std, RandomStream& stream) {
  for (const NamedTensor& parameter : module.parameters()) {
    const Tensor& tensor = *parameter.tensor;
    const bool is_bias = parameter.name.ends_with("bias");
    if (tensor.dims() < 2) {
      tensor.fill(is_bias ? 0 : 1);
      continue;
    }
    const Tensor drawn =
        Tensor::empty(outside_shape(tensor.shape(), parameter.layout), tensor.dtype(), tensor.device());
    stream.fill(drawn, Normal{0, std});
    tensor.copy_from(from_outside(drawn, parameter.layout));
  }
}

}  // namespace duel::nn
