// The data gradient for few input channels (pictures: 1 or 3), where a phase's product would leave most lanes
// of a vector empty.
#pragma once

#include "lib/conv2d_shape.h"
#include "lib/write.h"
#include "ops/cpu/gemm_epilogue.h"
#include "ops/cpu/gemm_operands.h"
#include "ops/cpu/microkernel.h"

namespace duel::cpu {

/// Whether it is faster than the phases for this shape.
bool scatter_pays(const Microkernels& kernels, const Conv2dShape& shape);

/// conv2d_dgrad_implicit by product and scatter. `weight` is the weight as (oc x kh*kw*ic).
void dgrad_by_scatter(const Conv2dShape& shape, const float* dy, const RightOperand& weight,
                      const Epilogue& epilogue, float* dx, Write write);

}  // namespace duel::cpu
