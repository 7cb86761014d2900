#include "lib/optim.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <tuple>

#include "apps/gan/json.h"
#include "lib/autograd.h"
#include "lib/io/safetensors.h"
#include "ops/arithmetic.h"
#include "ops/reductions.h"
#include "tests/cuda_test.h"
#include "tests/files.h"
#include "tests/tensors.h"

namespace duel {
namespace {

// ---- against PyTorch's results in tests/reference/optim.safetensors ----

const SafetensorsFile& optim_reference() {
  static const SafetensorsFile file =
      read_safetensors(std::string(DUEL_SOURCE_DIR) + "/tests/reference/optim.safetensors");
  return file;
}

struct OptimizerCase {
  std::string name;
  gan::Json options;

  double operator()(const char* option, double otherwise) const { return options.value(option, otherwise); }

  Optimizer make(std::vector<Tensor> parameters, std::vector<std::string> names) const {
    const OptimizerCase& o = *this;
    if (options.at("type") == "Adam") {
      return adam(
          std::move(parameters), std::move(names),
          {o("lr", -1), options.at("betas")[0], options.at("betas")[1], o("eps", -1), o("weight_decay", 0)});
    }
    if (options.at("type") == "RMSprop") {
      return rmsprop(std::move(parameters), std::move(names),
                     {o("lr", -1), o("alpha", -1), o("eps", -1), o("weight_decay", 0), o("momentum", 0),
                      o("clip_value", 0), o("decay", 0)});
    }
    return sgd(std::move(parameters), std::move(names),
               {o("lr", -1), o("momentum", -1), o("weight_decay", 0)});
  }
};

void PrintTo(const OptimizerCase& optimizer_case, std::ostream* out) { *out << optimizer_case.name; }

std::vector<OptimizerCase> optimizer_cases() {
  const gan::Json notes = gan::parse_json(optim_reference().metadata.at("reference"), "optim.safetensors");
  std::vector<OptimizerCase> cases;
  for (const auto& [name, options] : notes.at("cases").items()) cases.push_back({name, options});
  return cases;
}

class OptimizerParity : public testing::TestWithParam<std::tuple<OptimizerCase, Device>> {
 protected:
  void SetUp() override {
    std::string why;
    if (device() == cuda_device && !cuda_available(&why)) GTEST_SKIP() << why;
  }

  static const OptimizerCase& options() { return std::get<0>(GetParam()); }
  static Device device() { return std::get<1>(GetParam()); }
  static Tensor stored(const std::string& name) { return optim_reference().at(options().name + "/" + name); }

  static void check_against_pytorch(DType dtype, double tolerance) {
    const std::vector<std::string> names{"p0", "p1"};
    std::vector<Tensor> parameters;
    for (const std::string& name : names)
      parameters.push_back(stored(name + "/start").to(dtype).clone().to(device()).set_requires_grad(true));
    Optimizer optimizer = options().make(parameters, names);
    const int64_t steps = stored("p0/gradients").dim(0);
    for (int64_t step = 0; step < steps; ++step) {
      const auto of_step = [&](size_t i, const char* what) {
        return stored(names[i] + what).rows(step, 1).view(parameters[i].shape());
      };
      optimizer.zero_grad();
      for (size_t i = 0; i < names.size(); ++i)
        backward(parameters[i], of_step(i, "/gradients").to(dtype).to(device()));
      optimizer.step();
      for (size_t i = 0; i < names.size(); ++i)
        ASSERT_TRUE(close(parameters[i], of_step(i, "/after_each_step"), tolerance))
            << names[i] << " " << step;
    }
    EXPECT_EQ(optimizer.steps_done(), steps);

    const auto state = optimizer.state();
    const std::map<std::string, Tensor> state_of(state.begin(), state.end());
    size_t compared = 0;
    for (const auto& [name, tensor] : optim_reference().tensors) {
      const std::string key = name.substr(name.find('/') + 1), buffer = key.substr(key.find('/') + 1);
      if (name != options().name + "/" + key || buffer == "start" || buffer == "gradients" ||
          buffer == "after_each_step")
        continue;
      std::string dotted = key;
      dotted.replace(key.find('/'), 1, ".");
      ASSERT_TRUE(state_of.contains(dotted)) << dotted;
      EXPECT_TRUE(close(state_of.at(dotted), tensor, tolerance)) << key;
      ++compared;
    }
    EXPECT_EQ(compared == 0, options().name == "sgd");  // which has none without momentum
  }
};

TEST_P(OptimizerParity, Float64) { check_against_pytorch(DType::Float64, 1e-13); }
TEST_P(OptimizerParity, Float32) { check_against_pytorch(DType::Float32, 1e-5); }

std::string case_name(const testing::TestParamInfo<OptimizerParity::ParamType>& entry) {
  std::string name = std::get<0>(entry.param).name;
  std::ranges::replace(name, '.', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cases, OptimizerParity,
                         testing::Combine(testing::ValuesIn(optimizer_cases()), testing::Values(Device{})),
                         case_name);
INSTANTIATE_TEST_SUITE_P(Cuda, OptimizerParity,
                         testing::Combine(testing::ValuesIn(optimizer_cases()), testing::Values(cuda_device)),
                         case_name);

// ---- behaviour ----

/// The sum of the squares of two parameters, with an optimiser on them.
struct Bowl {
  Tensor a = random_leaf({3}, 1), b = random_leaf({2, 2}, 2);
  Optimizer optimizer;

  explicit Bowl(const std::string& kind) : optimizer(make(kind, {a, b})) {}

  static Optimizer make(const std::string& kind, const std::vector<Tensor>& parameters) {
    if (kind == "adam") return adam(parameters, {"a", "b"}, {.lr = 0.1});
    if (kind == "rmsprop") return rmsprop(parameters, {"a", "b"}, {.lr = 0.1, .momentum = 0.5, .decay = 0.1});
    return sgd(parameters, {"a", "b"}, {.lr = 0.1, .momentum = 0.9});
  }

  /// A step on sum(a * a) + sum(b * b).
  void step() {
    optimizer.zero_grad();
    backward(add(sum(mul(a, a)), sum(mul(b, b))));
    optimizer.step();
  }
};

class OptimizerKinds : public testing::TestWithParam<const char*> {};

TEST_P(OptimizerKinds, GoOnFromARestoredState) {
  Bowl straight(GetParam()), stopped(GetParam()), resumed(GetParam());
  straight.optimizer.set_lr(0.05);
  stopped.optimizer.set_lr(0.05);
  for (int i = 0; i < 3; ++i) {
    straight.step();
    stopped.step();
  }
  resumed.a.copy_from(stopped.a);
  resumed.b.copy_from(stopped.b);
  const auto saved = stopped.optimizer.state(), target = resumed.optimizer.state();
  ASSERT_EQ(saved.size(), target.size());
  for (size_t i = 0; i < saved.size(); ++i) {
    EXPECT_EQ(saved[i].first, target[i].first);
    target[i].second.copy_from(saved[i].second);
  }
  EXPECT_EQ(resumed.optimizer.steps_done(), 3);
  EXPECT_EQ(resumed.optimizer.lr(), 0.05);
  for (int i = 0; i < 3; ++i) {
    straight.step();
    resumed.step();
  }
  EXPECT_TRUE(same(resumed.a, straight.a));
  EXPECT_TRUE(same(resumed.b, straight.b));
}

TEST_P(OptimizerKinds, LeaveParametersWithoutGradientAlone) {
  Bowl bowl(GetParam());
  bowl.step();
  const Tensor b = bowl.b.detach().clone(), a = bowl.a.detach().clone();
  std::vector<Tensor> before;
  for (const auto& [name, tensor] : bowl.optimizer.state()) before.push_back(tensor.clone());
  bowl.optimizer.zero_grad();
  backward(sum(mul(bowl.a, bowl.a)));
  bowl.optimizer.step();
  EXPECT_TRUE(same(bowl.b, b));
  EXPECT_FALSE(same(bowl.a, a));
  const auto state = bowl.optimizer.state();
  for (size_t i = 0; i < state.size(); ++i) {
    if (state[i].first.starts_with("b.")) {
      EXPECT_TRUE(same(state[i].second, before[i])) << state[i].first;
    }
  }
}

TEST_P(OptimizerKinds, CountAStepAlsoWhereNoParameterHasAGradient) {
  Bowl bowl(GetParam());
  bowl.step();
  const Tensor a = bowl.a.detach().clone(), b = bowl.b.detach().clone();
  bowl.optimizer.zero_grad();
  bowl.optimizer.step();
  EXPECT_EQ(bowl.optimizer.steps_done(), 2);
  EXPECT_TRUE(same(bowl.a, a) && same(bowl.b, b));
}

TEST_P(OptimizerKinds, FindTheMinimum) {
  Bowl bowl(GetParam());
  bowl.optimizer.set_lr(0.02);
  for (int i = 0; i < 400; ++i) bowl.step();
  for (const Tensor& parameter : {bowl.a, bowl.b})
    for (const double value : values_of(parameter)) EXPECT_NEAR(value, 0, 0.03);
}

// A parameter that a graph saved has changed: backward must notice.
TEST_P(OptimizerKinds, MarkParametersAsChanged) {
  Bowl bowl(GetParam());
  bowl.step();
  backward(sum(bowl.a));
  const Tensor y = sum(mul(bowl.a, bowl.a));
  bowl.optimizer.step();
  EXPECT_TRUE(contains(error_of([&] { backward(y); }), "was changed in place"));
}

INSTANTIATE_TEST_SUITE_P(All, OptimizerKinds, testing::Values("adam", "rmsprop", "sgd"),
                         [](const auto& entry) { return std::string(entry.param); });

TEST(Optimizer, NamesItsStateAsPyTorchDoes) {
  const auto names_of = [](const char* kind) {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : Bowl(kind).optimizer.state()) names.push_back(name);
    return names;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names_of("adam"), (Names{"step", "a.exp_avg", "a.exp_avg_sq", "b.exp_avg", "b.exp_avg_sq"}));
  EXPECT_EQ(names_of("rmsprop"),
            (Names{"step", "a.square_avg", "a.momentum_buffer", "b.square_avg", "b.momentum_buffer"}));
  EXPECT_EQ(names_of("sgd"), (Names{"step", "a.momentum_buffer", "b.momentum_buffer"}));
}

TEST(Optimizer, KeepsTheStepCountWhenTheRateChanges) {
  Bowl bowl("adam");
  bowl.step();
  bowl.step();
  bowl.optimizer.set_lr(0.25);
  EXPECT_EQ(bowl.optimizer.lr(), 0.25);
  EXPECT_EQ(bowl.optimizer.steps_done(), 2);
}

// Many tensors, some longer than what one thread takes at a time: each element gets the same update.
TEST(Optimizer, UpdatesEveryElementOfLargeTensors) {
  const Tensor large = Tensor::full({50001}, 1).set_requires_grad(true);
  const Tensor small = Tensor::full({3}, 1).set_requires_grad(true);
  Optimizer optimizer = sgd({large, small}, {"large", "small"}, {.lr = 0.5});
  backward(add(sum(large), sum(small)));
  optimizer.step();
  EXPECT_TRUE(same(large, Tensor::full({50001}, 0.5)));
  EXPECT_TRUE(same(small, Tensor::full({3}, 0.5)));
}

TEST(Optimizer, RefusesOptionsOutOfRange) {
  const std::vector<Tensor> one{random_leaf({1}, 1)};
  const std::vector<std::string> name{"p"};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto adam_error = [&](const AdamOptions& o) { return error_of([&] { adam(one, name, o); }); };
  EXPECT_EQ(adam_error({.lr = -1}), "[adam] lr must be >= 0, got -1");
  EXPECT_EQ(adam_error({.lr = nan}), "[adam] lr must be >= 0, got nan");
  EXPECT_EQ(adam_error({.beta1 = 1}), "[adam] betas[0] must be in [0, 1), got 1");
  EXPECT_EQ(adam_error({.beta2 = -0.1}), "[adam] betas[1] must be in [0, 1), got -0.1");
  EXPECT_EQ(adam_error({.eps = -1}), "[adam] eps must be >= 0, got -1");
  EXPECT_EQ(adam_error({.weight_decay = -1}), "[adam] weight_decay must be >= 0, got -1");
  const auto rmsprop_error = [&](const RmspropOptions& o) {
    return error_of([&] { rmsprop(one, name, o); });
  };
  EXPECT_EQ(rmsprop_error({.lr = -1}), "[rmsprop] lr must be >= 0, got -1");
  EXPECT_EQ(rmsprop_error({.alpha = 1}), "[rmsprop] alpha must be in [0, 1), got 1");
  EXPECT_EQ(rmsprop_error({.eps = -1}), "[rmsprop] eps must be >= 0, got -1");
  EXPECT_EQ(rmsprop_error({.weight_decay = -1}), "[rmsprop] weight_decay must be >= 0, got -1");
  EXPECT_EQ(rmsprop_error({.momentum = -1}), "[rmsprop] momentum must be >= 0, got -1");
  EXPECT_EQ(rmsprop_error({.clip_value = -1}), "[rmsprop] clip_value must be >= 0, got -1");
  EXPECT_EQ(rmsprop_error({.decay = -1}), "[rmsprop] decay must be >= 0, got -1");
  const auto sgd_error = [&](const SgdOptions& o) { return error_of([&] { sgd(one, name, o); }); };
  EXPECT_EQ(sgd_error({.lr = -1}), "[sgd] lr must be >= 0, got -1");
  EXPECT_EQ(sgd_error({.momentum = -1}), "[sgd] momentum must be >= 0, got -1");
  EXPECT_EQ(sgd_error({.weight_decay = -1}), "[sgd] weight_decay must be >= 0, got -1");
}

TEST(Optimizer, RefusesParametersThatDoNotFit) {
  EXPECT_EQ(error_of([] { sgd({}, {}, {}); }), "[optimizer] there are no parameters to optimise");
  EXPECT_EQ(error_of([] {
              sgd({random_leaf({1}, 1)}, {"a", "b"}, {});
            }),
            "[optimizer] 1 parameters but 2 names");
  EXPECT_EQ(error_of([] {
              sgd({random_leaf({1}, 1), random_leaf({1}, 1, DType::Float32)}, {"a", "b"}, {});
            }),
            "[optimizer] inputs differ in type: float64 and float32");
  const Tensor leaf = random_leaf({1}, 1);
  EXPECT_EQ(error_of([&] { sgd({leaf, leaf}, {"a", "b"}, {}); }), "[optimizer] parameter b is given twice");
  for (const Tensor& none : {random_tensor({1}, 1), add(leaf, leaf)}) {
    EXPECT_EQ(
        error_of([&] { sgd({none}, {"a"}, {}); }),
        "[optimizer] parameter a collects no gradient: it must be a leaf, told by set_requires_grad(true)");
  }
}

TEST(Optimizer, RefusesARateThatIsNone) {
  Optimizer optimizer = sgd({random_leaf({1}, 1)}, {"a"}, {.lr = 0.5});
  EXPECT_EQ(error_of([&] { optimizer.set_lr(-1); }),
            "[optimizer] lr must be finite and not negative, got -1");
  EXPECT_EQ(error_of([&] { optimizer.set_lr(std::numeric_limits<double>::quiet_NaN()); }),
            "[optimizer] lr must be finite and not negative, got nan");
  EXPECT_EQ(optimizer.lr(), 0.5);
}

}  // namespace
}  // namespace duel
