// The list of cases itself.
#include "ops/check/op_cases.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "tests/files.h"
#include "tests/tensors.h"

namespace duel {
namespace {

OpCase case_of(const std::string& json) { return parse_op_cases(json).at(0); }

/// The functions that return a Tensor in the headers of ops/.
std::set<std::string> public_ops() {
  std::set<std::string> names;
  static const std::regex declaration(R"(\nTensor (\w+)\()");
  for (const auto& entry : std::filesystem::directory_iterator(std::string(DUEL_SOURCE_DIR) + "/ops")) {
    if (entry.path().extension() != ".h") continue;
    std::ifstream file(entry.path());
    const std::string text(std::istreambuf_iterator<char>(file), {});
    for (std::sregex_iterator match(text.begin(), text.end(), declaration), end; match != end; ++match)
      names.insert((*match)[1]);
  }
  return names;
}

TEST(OpCases, CoverEveryPublicOp) {
  std::set<std::string> covered, checked;
  for (const OpCase& op_case : op_cases()) {
    covered.insert(op_case.op);
    if (op_case.gradcheck) checked.insert(op_case.op);
  }
  std::set<std::string> ops = public_ops();
  ops.erase("activated");  // a part of other ops: tests/fused_ops_test.cpp
  ops.erase("cast");       // rounds, so that a difference quotient means nothing: tests/bfloat16_test.cpp
  EXPECT_EQ(covered, ops);
  EXPECT_EQ(checked, ops);
}

TEST(OpCases, HaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const OpCase& op_case : op_cases()) EXPECT_TRUE(names.insert(op_case.str()).second) << op_case.str();
}

// What the numerical checks promise: kernels 1-7, strides 1-3, paddings 0-3, non-square, batch 1, odd sizes.
TEST(OpCases, SpanTheOptionsOfConvolution) {
  for (const char* op : {"conv2d", "conv_transpose2d"}) {
    SCOPED_TRACE(op);
    std::set<double> kernels, strides, paddings, output_paddings, batches, biases;
    bool non_square = false;
    for (const OpCase& op_case : op_cases()) {
      if (op_case.op != op || !op_case.gradcheck) continue;
      const Shape &x = op_case.inputs[0].shape, &weight = op_case.inputs[1].shape;
      for (const int dim : {1, 2}) kernels.insert(static_cast<double>(weight[dim]));
      for (const double value : op_case.options.at("stride")) strides.insert(value);
      for (const double value : op_case.options.at("padding")) paddings.insert(value);
      if (op_case.options.contains("output_padding"))
        for (const double value : op_case.options.at("output_padding")) output_paddings.insert(value);
      batches.insert(static_cast<double>(x[0]));
      biases.insert(static_cast<double>(op_case.inputs.size()));
      non_square = non_square || (x[1] != x[2] && weight[1] != weight[2]);
    }
    EXPECT_EQ(kernels, (std::set<double>{1, 2, 3, 4, 5, 6, 7}));
    EXPECT_EQ(strides, (std::set<double>{1, 2, 3}));
    EXPECT_EQ(paddings, (std::set<double>{0, 1, 2, 3}));
    if (std::string(op) == "conv_transpose2d") {
      EXPECT_EQ(output_paddings, (std::set<double>{0, 1, 2}));
    }
    EXPECT_TRUE(batches.contains(1));
    EXPECT_EQ(biases, (std::set<double>{2, 3}));
    EXPECT_TRUE(non_square);
  }
}

TEST(OpCases, ReadInputsConstantsAndOptions) {
  const OpCase c = case_of(R"({"batch_norm": [{
      "name": "some", "inputs": {"x": [2, 3], "weight": {"shape": [3], "values": [1, -2, 0.5]}, "bias": [3]},
      "constants": {"running_mean": [3], "running_var": {"shape": [3], "values": [1, 2, 4]}},
      "training": false, "eps": 1e-3, "momentum": 0.25, "batches": 1, "range": [2, 3], "parity": false}]})");
  EXPECT_EQ(c.str(), "batch_norm/some");
  ASSERT_EQ(c.inputs.size(), 3u);
  EXPECT_EQ(c.inputs[0].name, "x");
  EXPECT_EQ(c.inputs[1].values, (std::vector<double>{1, -2, 0.5}));
  EXPECT_EQ(c.constants[1].shape, (Shape{3}));
  EXPECT_EQ(c.options.at("training"), (std::vector<double>{0}));
  EXPECT_EQ(c.options.at("eps"), (std::vector<double>{1e-3}));
  EXPECT_TRUE(c.gradcheck);
  EXPECT_FALSE(c.parity);

  const OpTensors tensors = op_tensors(c, DType::Float64);
  EXPECT_EQ(values_of(tensors.at("weight")), c.inputs[1].values);
  EXPECT_TRUE(tensors.at("weight").requires_grad());
  EXPECT_FALSE(tensors.at("running_mean").requires_grad());
  for (const double value : values_of(tensors.at("x"))) {
    EXPECT_GT(value, 2);
    EXPECT_LT(value, 3);
  }
  EXPECT_EQ(run_op(c, tensors).shape(), (Shape{2, 3}));
}

TEST(OpCases, DrawTheSameFloatsEveryTimeAndInEitherType) {
  const auto draw = [](const std::string& name, DType dtype) {
    return values_of(op_tensors(case_of(R"({"add": [{"name": ")" + name +
                                        R"(", "inputs": {"a": [9], "b": [9]}, "avoid_zero": true}]})"),
                                dtype)
                         .at("b"));
  };
  EXPECT_EQ(draw("one", DType::Float64), draw("one", DType::Float64));
  EXPECT_EQ(draw("one", DType::Float64), draw("one", DType::Float32));
  EXPECT_NE(draw("one", DType::Float64), draw("two", DType::Float64));
  for (const double value : draw("one", DType::Float64)) EXPECT_GE(std::fabs(value), 0.0499);
}

TEST(OpCases, NameWhatIsWrong) {
  const auto error = [](const std::string& json) { return error_of([&] { parse_op_cases(json); }); };
  EXPECT_TRUE(
      contains(error(R"({"conv5d": [{"name": "x"}]})"), "there is no op conv5d; the ops are abs add"));
  EXPECT_EQ(error(R"({"relu": [{"name": "x", "inputs": {"x": [1]}, "slope": 1}]})"),
            "[op_cases] relu/x: relu has no option slope");
  EXPECT_EQ(error(R"({"scale": [{"name": "x", "inputs": {"x": [1]}}]})"),
            "[op_cases] scale/x: option factor is missing");
  EXPECT_EQ(error(R"({"relu": [{"name": "x", "inputs": {"x": {"shape": [3], "values": [1, 2]}}}]})"),
            "[op_cases] relu/x: x has 2 values, its shape (3) needs 3");
  EXPECT_EQ(error(R"({"relu": [{"name": "x"}]})"), "[op_cases] relu/x has no inputs");
  EXPECT_TRUE(contains(error(R"({"relu": [{"inputs": {"x": [1]}}]})"), "[op_cases] relu: "));
  EXPECT_TRUE(contains(error("{"), "[op_cases] the list of cases: "));

  const OpCase c = case_of(R"({"add": [{"name": "x", "inputs": {"a": [1]}}]})");
  EXPECT_EQ(error_of([&] { run_op(c, op_tensors(c, DType::Float64)); }),
            "[op_cases] add/x: tensor b is missing");
}

}  // namespace
}  // namespace duel
