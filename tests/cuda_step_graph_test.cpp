// Steps that are recorded and replayed, and results that are read back later.
#include <gtest/gtest.h>

#include <cmath>

#include "lib/allocator.h"
#include "lib/autograd.h"
#include "lib/optim.h"
#include "lib/step_graph.h"
#include "ops/activations.h"
#include "ops/batch_norm.h"
#include "ops/conv2d.h"
#include "ops/layout.h"
#include "ops/losses.h"
#include "ops/matmul.h"
#include "ops/reductions.h"
#include "tests/cuda_test.h"

namespace duel {
namespace {

/// Everything that a training step uses: random input, convolutions both ways, batch norm, a loss, Adam.
struct Training {
  explicit Training(Device where) : device(where), z(5, Stream::Check, where) {
    const auto parameter = [&](const Shape& shape, uint64_t seed) {
      return normal(shape, DType::Float32, seed).to(device).set_requires_grad(true);
    };
    parameters = {parameter({6, 4, 4, 4}, 1), parameter({4}, 2), parameter({4}, 3),
                  parameter({3, 4, 4, 4}, 4), parameter({1, 48}, 5)};
    optimizer = std::make_unique<Optimizer>(
        adam(parameters, {"up", "gamma", "beta", "down", "linear"}, {.lr = 1e-2}));
    running_mean = Tensor::zeros({4}, DType::Float32, device);
    running_var = Tensor::full({4}, 1, DType::Float32, device);
  }

  std::vector<Tensor> step() {
    const Tensor x = Tensor::empty({5, 4, 4, 6}, DType::Float32, device);
    z.fill(x, Normal{});
    Tensor h = conv_transpose2d(x, parameters[0], {}, {2, 2}, {1, 1}, {0, 0});
    h = leaky_relu(batch_norm(h, parameters[1], parameters[2], running_mean, running_var, {}), 0.2);
    h = conv2d(h, parameters[3], {}, {2, 2}, {1, 1});
    const Tensor logits = linear(reshape(h, {5, 48}), parameters[4], {});
    const Tensor loss = bce_with_logits(logits, Tensor::full({5, 1}, 1, DType::Float32, device));
    optimizer->zero_grad();
    backward(loss);
    optimizer->step();
    return {loss.detach(), logits.detach()};
  }

  /// All that a run changes.
  std::vector<std::vector<double>> state() {
    std::vector<std::vector<double>> all{values_of(running_mean),
                                         values_of(running_var),
                                         {static_cast<double>(z.position())},
                                         {static_cast<double>(optimizer->steps_done())}};
    for (const Tensor& parameter : parameters) all.push_back(values_of(parameter));
    for (const auto& [name, tensor] : optimizer->state()) all.push_back(values_of(tensor));
    return all;
  }

  Device device;
  RandomStream z;
  std::vector<Tensor> parameters;
  Tensor running_mean, running_var;
  std::unique_ptr<Optimizer> optimizer;
};

void expect_replays_equal_plain_runs(Device device, bool records) {
  Training plain(device), replayed(device);
  StepGraph graph(device, [&] { return replayed.step(); });
  for (int i = 0; i < 7; ++i) {
    const std::vector<Tensor> expected = plain.step();
    const std::vector<Tensor>& actual = graph.run();
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t j = 0; j < expected.size(); ++j) EXPECT_EQ(values_of(actual[j]), values_of(expected[j])) << i;
    EXPECT_EQ(graph.recorded(), records && i >= 2);
  }
  EXPECT_EQ(replayed.state(), plain.state());
}

TEST(StepGraph, RunsPlainlyWhereNothingIsRecorded) { expect_replays_equal_plain_runs({}, false); }

class CudaStepGraph : public CudaTest {};

TEST_F(CudaStepGraph, ReplaysGiveTheBitsOfPlainRuns) { expect_replays_equal_plain_runs(cuda_device, true); }

// What is allocated between replays must not lie where a replay writes.
TEST_F(CudaStepGraph, ReplaysLeaveOtherTensorsAlone) {
  Training plain(cuda_device), replayed(cuda_device);
  StepGraph graph(cuda_device, [&] { return replayed.step(); });
  std::vector<Tensor> others;
  for (int i = 0; i < 6; ++i) {
    graph.run();
    for (int64_t n = 1; n < 3000; n *= 2) others.push_back(Tensor::full({n}, i, DType::Float32, cuda_device));
    plain.step();
  }
  EXPECT_EQ(replayed.state(), plain.state());
  for (size_t i = 0; i < others.size(); ++i) {
    const auto n = static_cast<size_t>(others[i].numel());
    EXPECT_EQ(others[i].to_vector<float>(), std::vector<float>(n, static_cast<float>(i / 12)));
  }
}

TEST_F(CudaStepGraph, TwoStepsShareTheirMemoryAndGiveItBack) {
  const auto allocations = [] { return kernels(cuda_device).allocator().stats().system_allocations; };
  const auto run = [] {
    Training a(cuda_device), b(cuda_device);
    StepGraph first(cuda_device, [&] { return a.step(); }), second(cuda_device, [&] { return b.step(); });
    for (int i = 0; i < 5; ++i) {
      first.run();
      second.run();
    }
    return a.state() == b.state();
  };
  EXPECT_TRUE(run());
  const int64_t before = allocations();
  EXPECT_TRUE(run());
  EXPECT_EQ(allocations(), before);
}

TEST_F(CudaStepGraph, StepThatReadsBackIsRefusedAndTheDeviceGoesOn) {
  const Tensor x = Tensor::full({3}, 1, DType::Float32, cuda_device);
  StepGraph graph(cuda_device, [&] {
    kernels(cuda_device).unary(Scale{2}, x, x);
    static_cast<void>(x.to_vector<float>());
    return std::vector<Tensor>{x};
  });
  graph.run();
  graph.run();
  try {
    graph.run();
    FAIL() << "a download was recorded";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("a download inside a step"), std::string::npos) << error.what();
  }
  EXPECT_EQ(x.to_vector<float>(), std::vector<float>(3, 4));
}

// ---- reading back later ----

class CudaDownload : public CudaTest {};

void expect_downloads_hold_what_was_there(Device device) {
  const Tensor x = Tensor::full({4}, 0, DType::Float32, device);
  std::vector<std::unique_ptr<Kernels::Download>> downloads;
  for (int i = 0; i < 50; ++i) {
    x.fill(i);
    downloads.push_back(kernels(device).start_download(x));
  }
  while (!downloads.back()->arrived()) continue;
  for (int i = 0; i < 50; ++i) {
    const auto* const values = static_cast<const float*>(downloads[static_cast<size_t>(i)]->data());
    EXPECT_EQ(std::vector<float>(values, values + 4), std::vector<float>(4, static_cast<float>(i)));
  }
}

TEST(StartDownload, HoldsWhatWasThere) { expect_downloads_hold_what_was_there({}); }
TEST_F(CudaDownload, HoldsWhatWasThere) { expect_downloads_hold_what_was_there(cuda_device); }

// ---- forms of weights (Tensor::form()) that work which runs later, or elsewhere, would not know of ----

/// Whether the product of ones with `w` in bfloat16 is what its values say.
void expect_current(const Tensor& w, const char* when) {
  const Tensor x = Tensor::full({1, w.dim(1)}, 1, DType::BFloat16, cuda_device);
  const double sum = static_cast<double>(w.dim(1)) * values_of(w)[0];
  EXPECT_NEAR(values_of(linear(x, w).detach().to(DType::Float32))[0], sum, 0.01 * std::abs(sum)) << when;
}

TEST_F(CudaStepGraph, AFormFirstAskedForBehindARecordingIsCurrent) {
  const WithPrecision bf16(Precision::Bf16);
  if (!bf16.possible()) GTEST_SKIP() << bf16.why_not();
  Tensor w = Tensor::full({64, 64}, 1, DType::Float32, cuda_device).set_requires_grad(true);
  Optimizer optimizer = sgd({w}, {"w"}, {.lr = 1});
  StepGraph graph(cuda_device, [&] {
    optimizer.zero_grad();
    backward(sum(w));
    optimizer.step();
    return std::vector<Tensor>{};
  });
  for (int i = 0; i < 6; ++i) {
    graph.run();
    if (i > 2) expect_current(w, "between replays");
  }
  EXPECT_EQ(values_of(w)[0], -5);
}

TEST_F(CudaStepGraph, AFormOfARecordingThatNeverRanIsNotTakenForOne) {
  const WithPrecision bf16(Precision::Bf16);
  if (!bf16.possible()) GTEST_SKIP() << bf16.why_not();
  const Tensor w = Tensor::full({64, 64}, 3, DType::Float32, cuda_device);
  kernels(cuda_device).record([&] { linear(Tensor::full({1, 64}, 1, DType::BFloat16, cuda_device), w); });
  expect_current(w, "behind a recording");
}

TEST_F(CudaStepGraph, AFormFirstAskedForBesideOtherWorkIsNotReadTooEarly) {
  const WithPrecision bf16(Precision::Bf16);
  if (!bf16.possible()) GTEST_SKIP() << bf16.why_not();
  Kernels& k = kernels(cuda_device);
  for (int i = 0; i < 20; ++i) {
    const Tensor w = Tensor::full({64, 64}, 3 + i, DType::Float32, cuda_device);
    const Tensor x = Tensor::full({1, 64}, 1, DType::BFloat16, cuda_device);
    Tensor beside;
    k.beside([&] { beside = linear(x, w); });
    const Tensor here = linear(x, w);
    k.join();
    EXPECT_EQ(values_of(here.to(DType::Float32)), values_of(beside.to(DType::Float32))) << i;
  }
}

}  // namespace
}  // namespace duel
