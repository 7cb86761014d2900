#include "ops/check/op_cases.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "lib/random.h"
#include "ops/activations.h"
#include "ops/arithmetic.h"
#include "ops/batch_norm.h"
#include "ops/check/op_cases_json.h"
#include "ops/conv2d.h"
#include "ops/dropout.h"
#include "ops/layout.h"
#include "ops/losses.h"
#include "ops/matmul.h"
#include "ops/reductions.h"

namespace duel {
namespace {

using Json = nlohmann::ordered_json;  // the cases keep the order of the file

/// What an op's runner is given: the tensors and options of one case, by name.
struct Call {
  const OpCase& op_case;
  const OpTensors& tensors;

  Tensor optional(const char* name) const {
    const auto found = tensors.find(name);
    return found == tensors.end() ? Tensor() : found->second;
  }
  Tensor operator[](const char* name) const {
    const Tensor tensor = optional(name);
    check(tensor.defined(), "[op_cases] ", op_case.str(), ": tensor ", name, " is missing");
    return tensor;
  }
  const std::vector<double>& list(const char* name) const {
    const auto found = op_case.options.find(name);
    check(found != op_case.options.end(), "[op_cases] ", op_case.str(), ": option ", name, " is missing");
    return found->second;
  }
  double number(const char* name) const {
    check(list(name).size() == 1, "[op_cases] ", op_case.str(), ": option ", name, " must be one number");
    return list(name)[0];
  }
  int64_t integer(const char* name) const { return static_cast<int64_t>(number(name)); }
  Pair pair(const char* name) const {
    const std::vector<double>& values = list(name);
    check(values.size() == 2, "[op_cases] ", op_case.str(), ": option ", name, " must be two numbers");
    return {static_cast<int64_t>(values[0]), static_cast<int64_t>(values[1])};
  }
};

struct Op {
  std::set<std::string> options;
  Tensor (*run)(const Call& call);
};

/// A number that only the case's name decides.
uint64_t seed_of(const OpCase& op_case) {
  uint64_t hash = 14695981039346656037ull;  // FNV-1a
  for (const char c : op_case.str()) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return hash;
}

Tensor run_batch_norm(const Call& t) {
  return batch_norm(t["x"], t["weight"], t["bias"], t.optional("running_mean"), t.optional("running_var"),
                    {.training = t.number("training") != 0,
                     .momentum = t.number("momentum"),
                     .eps = t.number("eps"),
                     .batches = t.integer("batches")});
}

Tensor run_concatenate(const Call& t) {
  return concatenate(op_inputs(t.op_case, t.tensors), static_cast<int>(t.integer("dim")));
}

Tensor run_dropout(const Call& t) {
  RandomStream random(seed_of(t.op_case), Stream::Dropout, t["x"].device());
  return dropout(t["x"], t.number("p"), t.number("training") != 0, random);
}

const std::map<std::string, Op>& known_ops() {
  static const std::map<std::string, Op> ops{
      {"matmul", {{}, [](const Call& t) { return matmul(t["a"], t["b"]); }}},
      {"linear", {{}, [](const Call& t) { return linear(t["x"], t["weight"], t.optional("bias")); }}},
      {"linear_channels_last",
       {{}, [](const Call& t) { return linear_channels_last(t["x"], t["weight"], t.optional("bias")); }}},
      {"conv2d",
       {{"stride", "padding"},
        [](const Call& t) {
          return conv2d(t["x"], t["weight"], t.optional("bias"), t.pair("stride"), t.pair("padding"));
        }}},
      {"conv_transpose2d",
       {{"stride", "padding", "output_padding"},
        [](const Call& t) {
          return conv_transpose2d(t["x"], t["weight"], t.optional("bias"), t.pair("stride"),
                                  t.pair("padding"), t.pair("output_padding"));
        }}},
      {"batch_norm", {{"training", "momentum", "eps", "batches"}, run_batch_norm}},
      {"relu", {{}, [](const Call& t) { return relu(t["x"]); }}},
      {"leaky_relu",
       {{"negative_slope"}, [](const Call& t) { return leaky_relu(t["x"], t.number("negative_slope")); }}},
      {"sigmoid", {{}, [](const Call& t) { return sigmoid(t["x"]); }}},
      {"tanh", {{}, [](const Call& t) { return tanh(t["x"]); }}},
      {"abs", {{}, [](const Call& t) { return abs(t["x"]); }}},
      {"log", {{}, [](const Call& t) { return log(t["x"]); }}},
      {"neg", {{}, [](const Call& t) { return neg(t["x"]); }}},
      {"scale", {{"factor"}, [](const Call& t) { return scale(t["x"], t.number("factor")); }}},
      {"add", {{}, [](const Call& t) { return add(t["a"], t["b"]); }}},
      {"sub", {{}, [](const Call& t) { return sub(t["a"], t["b"]); }}},
      {"mul", {{}, [](const Call& t) { return mul(t["a"], t["b"]); }}},
      {"sum", {{}, [](const Call& t) { return sum(t["x"]); }}},
      {"mean", {{}, [](const Call& t) { return mean(t["x"]); }}},
      {"reshape",
       {{"shape"},
        [](const Call& t) {
          return reshape(t["x"], Shape(t.list("shape").begin(), t.list("shape").end()));
        }}},
      {"permute",
       {{"dims"},
        [](const Call& t) {
          return permute(t["x"], std::vector<int>(t.list("dims").begin(), t.list("dims").end()));
        }}},
      {"slice",
       {{"dim", "start", "length"},
        [](const Call& t) {
          return slice(t["x"], static_cast<int>(t.integer("dim")), t.integer("start"), t.integer("length"));
        }}},
      {"concatenate", {{"dim"}, run_concatenate}},
      {"dropout", {{"p", "training"}, run_dropout}},
      {"bce_with_logits", {{}, [](const Call& t) { return bce_with_logits(t["x"], t["target"]); }}},
      {"bce", {{}, [](const Call& t) { return bce(t["x"], t["target"]); }}},
  };
  return ops;
}

const Op& find_op(const std::string& name) {
  const auto found = known_ops().find(name);
  if (found != known_ops().end()) return found->second;
  std::string names;
  for (const auto& [known, op] : known_ops()) names += " " + known;
  fail("[op_cases] there is no op ", name, "; the ops are", names);
}

// ---- reading ----

std::vector<OpTensor> parse_tensors(const OpCase& op_case, const Json& json) {
  std::vector<OpTensor> tensors;
  for (const auto& [name, spec] : json.items()) {
    const std::vector<int64_t> sizes = spec.is_array() ? spec : spec.at("shape");
    OpTensor tensor{name, Shape(sizes.begin(), sizes.end()), {}};
    if (spec.is_object()) {
      spec.at("values").get_to(tensor.values);
      check(static_cast<int64_t>(tensor.values.size()) == tensor.shape.numel(), "[op_cases] ", op_case.str(),
            ": ", name, " has ", tensor.values.size(), " values, its shape ", tensor.shape, " needs ",
            tensor.shape.numel());
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

OpCase parse_case(const std::string& op_name, const Json& json) {
  const Op& op = find_op(op_name);
  OpCase result;
  result.op = op_name;
  json.at("name").get_to(result.name);
  for (const auto& [key, value] : json.items()) {
    if (key == "name") continue;
    if (key == "inputs") {
      result.inputs = parse_tensors(result, value);
    } else if (key == "constants") {
      result.constants = parse_tensors(result, value);
    } else if (key == "avoid_zero") {
      value.get_to(result.avoid_zero);
    } else if (key == "range") {
      result.range = value.get<std::array<double, 2>>();
    } else if (key == "gradcheck") {
      value.get_to(result.gradcheck);
    } else if (key == "parity") {
      value.get_to(result.parity);
    } else {
      check(op.options.contains(key), "[op_cases] ", result.str(), ": ", op_name, " has no option ", key);
      result.options[key] = value.is_array()     ? value.get<std::vector<double>>()
                            : value.is_boolean() ? std::vector<double>{value.get<bool>() ? 1.0 : 0.0}
                                                 : std::vector<double>{value.get<double>()};
    }
  }
  check(!result.inputs.empty(), "[op_cases] ", result.str(), " has no inputs");
  for (const std::string& option : op.options)
    check(result.options.contains(option), "[op_cases] ", result.str(), ": option ", option, " is missing");
  return result;
}

}  // namespace

std::vector<OpCase> parse_op_cases(std::string_view json) {
  std::vector<OpCase> cases;
  std::string where = "the list of cases";
  try {
    const Json ops = Json::parse(json);
    for (const auto& [op, list] : ops.items()) {
      where = op;
      for (const Json& entry : list) cases.push_back(parse_case(op, entry));
    }
  } catch (const Json::exception& error) {
    fail("[op_cases] ", where, ": ", error.what());
  }
  return cases;
}

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> cases = parse_op_cases(op_cases_json());
  return cases;
}

// ---- running ----

OpTensors op_tensors(const OpCase& op_case, DType dtype, Device device) {
  RandomStream random(seed_of(op_case), Stream::Check);
  const auto draw = [&](const OpTensor& spec) {
    if (!spec.values.empty()) return Tensor::from(spec.values, spec.shape).to(dtype).to(device);
    const Tensor tensor = Tensor::empty(spec.shape, DType::Float64);
    if (op_case.range) {
      random.fill(tensor, Uniform{(*op_case.range)[0], (*op_case.range)[1]});
    } else {
      random.fill(tensor, Normal{});
    }
    if (op_case.avoid_zero) {
      double* const values = tensor.data<double>();
      std::transform(values, values + tensor.numel(), values, [](double v) {
        return static_cast<double>(static_cast<float>(v + std::copysign(0.05, v)));
      });
    }
    return tensor.to(dtype).to(device);
  };
  OpTensors tensors;
  for (const OpTensor& spec : op_case.inputs) tensors[spec.name] = draw(spec).set_requires_grad(true);
  for (const OpTensor& spec : op_case.constants) tensors[spec.name] = draw(spec);
  return tensors;
}

std::vector<Tensor> op_inputs(const OpCase& op_case, const OpTensors& tensors) {
  std::vector<Tensor> inputs;
  for (const OpTensor& spec : op_case.inputs) inputs.push_back(Call{op_case, tensors}[spec.name.c_str()]);
  return inputs;
}

Tensor run_op(const OpCase& op_case, const OpTensors& tensors) {
  return find_op(op_case.op).run({op_case, tensors});
}

}  // namespace duel
