// Activation functions and the other functions of one variable, element by element, of any shape. All throw
// unless x holds floating-point numbers. Formulas: lib/functors.h.
#pragma once

#include "lib/functors.h"
#include "lib/tensor.h"

namespace duel {

/// max(x, 0); the gradient at 0 is 0.
Tensor relu(const Tensor& x);
/// x where x > 0, else negative_slope * x (Maas et al., 2013). Throws if the slope is negative.
Tensor leaky_relu(const Tensor& x, double negative_slope = 0.01);
/// 1 / (1 + exp(-x)).
Tensor sigmoid(const Tensor& x);
/// The hyperbolic tangent.
Tensor tanh(const Tensor& x);
/// |x|; the gradient at 0 is 0.
Tensor abs(const Tensor& x);
/// The natural logarithm; -infinity at 0, NaN below.
Tensor log(const Tensor& x);
/// factor * x.
Tensor scale(const Tensor& x, double factor);
/// -x.
Tensor neg(const Tensor& x);

/// Throws Error where it is negative or NaN: the sign of a result would not tell the sign of its input then,
/// which the gradient needs.
void check_slope(const char* op, double negative_slope);
/// Throws Error unless an op may apply f in its own pass: its gradient then has to do without its input
/// (Saves::Output or Nothing), which is not kept.
void check_fusible(const Unary& f);

/// For ops that end in an activation which their kernel applies in the same pass. `x` is the op's result as
/// the graph knows it, before the activation; its memory holds f(x) already. Returns f(x), on that memory.
/// Throws Error unless f is fusible.
Tensor activated(const Unary& f, const Tensor& x);

}  // namespace duel
