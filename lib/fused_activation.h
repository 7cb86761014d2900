// The activations that a convolution's kernel may apply to its result before it stores it.
#pragma once

#include <optional>
#include <variant>

#include "lib/functors.h"

namespace duel {

enum class FusedActivation { None, Relu, LeakyRelu, Tanh };

/// Which of them `f` is, None where it is null; nothing where it is another function, which takes a pass of
/// its own.
inline std::optional<FusedActivation> fused_activation(const Unary* f) {
  if (!f) return FusedActivation::None;
  if (std::holds_alternative<Relu>(*f)) return FusedActivation::Relu;
  if (std::holds_alternative<LeakyRelu>(*f)) return FusedActivation::LeakyRelu;
  if (std::holds_alternative<Tanh>(*f)) return FusedActivation::Tanh;
  return {};
}

}  // namespace duel
