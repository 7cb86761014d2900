// The one list of cases that every numerical check of the ops runs over: gradient check, parity with PyTorch,
// comparison of backends. It stands in op_cases.json, which is compiled into the library.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/tensor.h"

namespace duel {

struct OpTensor {
  std::string name;  ///< what the op's declaration calls it: "x", "weight", ...
  Shape shape;
  std::vector<double> values;  ///< empty: random ones
};

/// One op with shapes and options.
struct OpCase {
  std::string op, name;
  std::vector<OpTensor> inputs;     ///< gradients flow to these; in the order of the file
  std::vector<OpTensor> constants;  ///< to these none do
  /// By the names of the op's declaration; a bool is 0 or 1, a single number a list of one.
  std::map<std::string, std::vector<double>> options;
  bool avoid_zero = false;                     ///< random values keep 0.05 away from a kink at 0
  std::optional<std::array<double, 2>> range;  ///< random values are uniform in it, not normal
  bool gradcheck = true;                       ///< false where a difference quotient means nothing
  bool parity = true;                          ///< false where PyTorch's random numbers would be needed

  /// "conv2d/k4_s2_p1".
  std::string str() const { return op + "/" + name; }
};

/// By name, the inputs and constants of a case.
using OpTensors = std::map<std::string, Tensor>;

/// All cases, in the order of the file.
const std::vector<OpCase>& op_cases();
/// The cases of a text like op_cases.json. Throws Error, naming op and case, on an unknown op or option, a
/// missing name or shape, and values that do not fill their shape.
std::vector<OpCase> parse_op_cases(std::string_view json);

/// A case's tensors, the inputs as leaves that require a gradient. Random values come from the case's name
/// alone and are float32 values in either type.
OpTensors op_tensors(const OpCase& op_case, DType dtype, Device device = {});
/// The inputs among `tensors`, in the order of op_case.inputs.
std::vector<Tensor> op_inputs(const OpCase& op_case, const OpTensors& tensors);
/// Runs the op on tensors of these names. Batch norm updates "running_mean" and "running_var" where they are
/// given; dropout draws the same mask in every run of a case.
Tensor run_op(const OpCase& op_case, const OpTensors& tensors);

}  // namespace duel
