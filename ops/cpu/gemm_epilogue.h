// What a product does with an element of its result before storing it, while it is still in a register or in
// cache.
#pragma once

#include "lib/error.h"
#include "lib/fused_activation.h"
#include "lib/write.h"

namespace duel::cpu {

/// y = activation(product + bias). An activation needs Write::Set.
struct Epilogue {
  using Activation = FusedActivation;

  const float* bias = nullptr;  ///< one per output channel, or none
  Activation activation = Activation::None;
  float negative_slope = 0;  ///< of LeakyRelu
};

/// Throws Error, `operation` in front, for an activation of a sum that is not complete.
inline void check_epilogue(const char* operation, const Epilogue& epilogue, Write write) {
  check(epilogue.activation == Epilogue::Activation::None || write == Write::Set, operation,
        " an activation needs Write::Set: it cannot be applied to a part of a sum");
}

}  // namespace duel::cpu
