// The gradient check: what backward() computes against difference quotients of the forward.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lib/tensor.h"

namespace duel {

struct GradcheckOptions {
  /// Allowed is |analytic - numeric| <= atol + rtol * |numeric|.
  double rtol = 1e-6, atol = 1e-8;
  /// An element x is moved by step * max(1, |x|) to either side. The default balances, in float64, the error
  /// of the quotient (step²) against that of rounding (1e-16 / step).
  double step = 1e-5;
  /// Where the two disagree, so many times again with a tenth of the step, and the best counts: a kink within
  /// the step, of which networks with relu have many, spoils a quotient; a wrong gradient fails them all.
  int refinements = 0;
  /// Of an input with more elements, so many are drawn at random; 0: all elements of all inputs.
  int64_t max_elements = 0;
  uint64_t seed = 0;  ///< of that choice and of the weights of the outputs
};

struct GradcheckResult {
  bool passed = true;
  int64_t checked = 0, elements = 0;  ///< elements compared, and elements that there are
  int64_t refined = 0;                ///< of those compared, how many needed a smaller step

  // Where the error was largest:
  double error = 0;     ///< |analytic - numeric| / (atol / rtol + |numeric|): passes up to rtol; inf for NaN
  size_t input = 0;     ///< number of the input
  int64_t element = 0;  ///< index in it, counted in the order of its elements
  double analytic = 0, numeric = 0;

  /// One line for people; `names` (one an input, or none) says what the inputs are called.
  std::string str(const std::vector<std::string>& names = {}) const;
};

/// Checks the gradients of `function` with respect to `inputs`: leaves that require a gradient, of float64,
/// which it reads and which are changed while it is called. A result that is no single number is made one by
/// a sum with random weights of magnitude 0.5 to 1.5 and either sign: a plain sum would hide errors, as batch
/// norm's has no gradient at all. Central differences, element by element; costs two calls each, and two for
/// each refinement. Gradients that the inputs hold are forgotten; their values are restored, also after an
/// exception. Throws if an input is unfit, or if `function` gives two results for the same inputs.
GradcheckResult gradcheck(const std::function<Tensor()>& function, const std::vector<Tensor>& inputs,
                          const GradcheckOptions& options = {});

}  // namespace duel
