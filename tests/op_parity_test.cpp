// Every op, forward and backward, against PyTorch's results in tests/reference/ops.safetensors.
#include <gtest/gtest.h>

#include "lib/autograd.h"
#include "lib/io/safetensors.h"
#include "ops/check/op_cases.h"
#include "tests/op_case_params.h"
#include "tests/tensors.h"
#include "tests/with_conv_algorithm.h"

namespace duel {
namespace {

const SafetensorsFile& reference() {
  static const SafetensorsFile file =
      read_safetensors(std::string(DUEL_SOURCE_DIR) + "/tests/reference/ops.safetensors");
  return file;
}

bool has(const std::string& name) {
  return std::ranges::any_of(reference().tensors, [&](const auto& entry) { return entry.first == name; });
}

class OpParity : public testing::TestWithParam<OpCase> {
 protected:
  Tensor stored(const std::string& name) const { return reference().at(GetParam().str() + "/" + name); }

  void check_against_pytorch(DType dtype, double tolerance) const {
    OpTensors tensors;
    for (const OpTensor& input : GetParam().inputs)
      tensors[input.name] = stored(input.name).to(dtype).clone().set_requires_grad(true);
    for (const OpTensor& constant : GetParam().constants)
      tensors[constant.name] = stored(constant.name).to(dtype).clone();
    const bool updates_statistics = has(GetParam().str() + "/new_running_mean");
    if (updates_statistics) {
      const Shape channels = tensors.at("weight").shape();
      tensors["running_mean"] = Tensor::zeros(channels, dtype);
      tensors["running_var"] = Tensor::full(channels, 1, dtype);
    }

    const Tensor y = run_op(GetParam(), tensors);
    EXPECT_TRUE(close(y, stored("y"), tolerance));
    if (updates_statistics) {
      EXPECT_TRUE(close(tensors["running_mean"], stored("new_running_mean"), tolerance));
      EXPECT_TRUE(close(tensors["running_var"], stored("new_running_var"), tolerance));
    }
    backward(y, stored("dy").to(dtype));
    for (const OpTensor& input : GetParam().inputs)
      EXPECT_TRUE(close(tensors[input.name].grad(), stored("d_" + input.name), tolerance)) << input.name;
  }
};

TEST_P(OpParity, Float64) { check_against_pytorch(DType::Float64, 1e-12); }

TEST_P(OpParity, Float32) {
  for (const ConvAlgorithm algorithm :
       {ConvAlgorithm::Im2col, ConvAlgorithm::Implicit, ConvAlgorithm::Filtered}) {
    SCOPED_TRACE(conv_algorithm_name(algorithm));
    const WithConvAlgorithm scope(algorithm);
    check_against_pytorch(DType::Float32, 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, OpParity, testing::ValuesIn(cases_with(&OpCase::parity)), op_case_name);

TEST(OpParityFile, HoldsNoCaseThatIsNotListed) {
  std::vector<std::string> known;
  for (const OpCase& op_case : op_cases()) known.push_back(op_case.str());
  for (const auto& [name, tensor] : reference().tensors) {
    const std::string of_case = name.substr(0, name.rfind('/'));
    EXPECT_TRUE(std::ranges::find(known, of_case) != known.end()) << name;
  }
}

}  // namespace
}  // namespace duel
