// The profile: what is counted, under which phase, and both forms of the report.
#include "lib/profile.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>

#include "apps/gan/json.h"
#include "lib/autograd.h"
#include "lib/error.h"
#include "lib/io/file.h"
#include "lib/kernels.h"
#include "ops/activations.h"
#include "ops/arithmetic.h"
#include "ops/conv2d.h"
#include "ops/matmul.h"
#include "ops/reductions.h"
#include "tests/files.h"
#include "tests/tensors.h"
#include "tests/with_conv_algorithm.h"

namespace duel {
namespace {

namespace fs = std::filesystem;

/// A clock that moves only when it is told to.
struct Hand {
  double seconds = 100;
  Profile::Clock clock() {
    return [this] { return seconds; };
  }
};

const Profile::PhaseTotal* find_phase(const std::vector<Profile::PhaseTotal>& phases,
                                      const std::string& name) {
  for (const Profile::PhaseTotal& phase : phases) {
    if (phase.name == name) return &phase;
  }
  return nullptr;
}

std::string text_of(const fs::path& path) {
  const auto bytes = read_file(path);
  return {bytes.begin(), bytes.end()};
}

TEST(Profile, PhasesShareOutAllOfTheTime) {
  Hand hand;
  Profile profile(hand.clock());
  hand.seconds += 1;
  {
    ScopedPhase outer("outer");
    hand.seconds += 2;
    {
      const ScopedPhase inner("inner");
      hand.seconds += 4;
    }
    hand.seconds += 8;
    outer.change("last");
    hand.seconds += 16;
    const auto under_way = profile.phases();
    EXPECT_EQ(find_phase(under_way, "last")->seconds, 16);
  }
  hand.seconds += 32;
  const auto phases = profile.phases();
  ASSERT_EQ(phases.size(), 4u);
  EXPECT_EQ(find_phase(phases, "outer")->seconds, 10);
  EXPECT_EQ(find_phase(phases, "inner")->seconds, 4);
  EXPECT_EQ(find_phase(phases, "last")->seconds, 16);
  EXPECT_EQ(phases.back().name, "other");
  EXPECT_EQ(phases.back().seconds, 33);
  EXPECT_EQ(profile.seconds(), 63);
}

TEST(Profile, AddsUpTheCallsOfAKernelByItsDetail) {
  Hand hand;
  Profile profile(hand.clock());
  {
    const ScopedPhase phase("step");
    profile.record({"gemm", "small", 100, 101, 10, 20, 300});
    profile.record({"gemm", "small", 101, 104, 10, 20, 500});
    profile.record({"gemm", "large", 104, 111, 70, 80, 400});
  }
  const auto kernels = profile.kernels();
  ASSERT_EQ(kernels.size(), 2u);
  EXPECT_EQ(kernels[0].detail, "large");
  EXPECT_EQ(kernels[1].detail, "small");
  EXPECT_EQ(kernels[1].calls, 2);
  EXPECT_EQ(kernels[1].seconds, 4);
  EXPECT_EQ(kernels[1].flops, 20);
  EXPECT_EQ(kernels[1].bytes, 40);
  const auto phases = profile.phases();
  const auto* step = find_phase(phases, "step");
  EXPECT_EQ(step->calls, 3);
  EXPECT_EQ(step->kernel_seconds, 11);
  EXPECT_EQ(step->peak_memory, 500);
}

TEST(Profile, OneThreadHasOneAtATime) {
  EXPECT_EQ(Profile::active(), nullptr);
  {
    const Profile profile;
    EXPECT_EQ(Profile::active(), &profile);
    EXPECT_THROW(Profile(), Error);
    EXPECT_EQ(Profile::active(), &profile);
  }
  EXPECT_EQ(Profile::active(), nullptr);
  ScopedPhase nobody_listens("phase");
  nobody_listens.change("another");
  EXPECT_EQ(current_phase(), nullptr);
}

TEST(Profile, KernelsCountTheirWorkAndMemory) {
  const Tensor x = random_tensor({2, 8, 8, 3}, 1, DType::Float32),
               weight = random_tensor({5, 4, 4, 3}, 2, DType::Float32);
  Profile profile;
  const Tensor y = conv2d(x, weight, {}, {2, 2}, {1, 1});
  const auto kernels = profile.kernels();
  ASSERT_EQ(kernels.size(), 1u);
  EXPECT_EQ(kernels[0].kernel, "conv2d_fprop");
  EXPECT_EQ(kernels[0].detail, "x 2x8x8x3, y 4x4x5, kernel 4x4, stride 2");
  EXPECT_EQ(kernels[0].flops, 2.0 * (2 * 4 * 4) * 5 * (4 * 4 * 3));
  EXPECT_EQ(kernels[0].bytes, static_cast<double>(x.bytes() + weight.bytes() + y.bytes()));
  EXPECT_GT(kernels[0].seconds, 0);
  const auto in_use = static_cast<int64_t>(x.bytes() + weight.bytes() + y.bytes());
  EXPECT_GE(profile.phases().back().peak_memory, in_use);
}

TEST(Profile, ResultsAndAlgorithmAreTheBackends) {
  const Tensor x = random_tensor({3, 7, 7, 4}, 1, DType::Float32),
               weight = random_tensor({6, 3, 3, 4}, 2, DType::Float32);
  Kernels& backend = kernels({});
  const WithConvAlgorithm restored(backend.conv_algorithm());
  for (const ConvAlgorithm algorithm : {ConvAlgorithm::Im2col, ConvAlgorithm::Implicit}) {
    backend.set_conv_algorithm(algorithm);
    const auto expected = conv2d(x, weight).to_vector<float>();
    const Profile profile;
    EXPECT_EQ(kernels({}).conv_algorithm(), algorithm);
    EXPECT_EQ(conv2d(x, weight).to_vector<float>(), expected);
  }
  {
    const Profile profile;
    kernels({}).set_conv_algorithm(ConvAlgorithm::Im2col);
  }
  EXPECT_EQ(backend.conv_algorithm(), ConvAlgorithm::Im2col);
  EXPECT_EQ(&kernels({}), &backend);
}

TEST(Profile, ABackendThatWasTakenMeanwhileGoesOn) {
  const Tensor x = Tensor::zeros({2});
  Kernels* taken = nullptr;
  {
    const Profile profile;
    taken = &kernels({});
  }
  taken->fill(x, 3);
  EXPECT_EQ(x.to_vector<float>(), (std::vector<float>{3, 3}));
}

TEST(Profile, BackwardBelongsToThePhaseOfItsForward) {
  Tensor a = random_tensor({4, 4}, 1, DType::Float32), b = random_tensor({4, 4}, 2, DType::Float32);
  a.set_requires_grad(true);
  b.set_requires_grad(true);
  Profile profile;
  Tensor loss;
  {
    ScopedPhase phase("left");
    const Tensor left = sum(matmul(a, a));
    phase.change("right");
    const Tensor right = sum(relu(b));
    phase.change("end");
    loss = add(left, right);
  }
  const auto calls = [&](const std::string& name) {
    const auto phases = profile.phases();
    return find_phase(phases, name)->calls;
  };
  const auto left = calls("left"), right = calls("right");
  backward(loss);
  EXPECT_GE(calls("left"), left + 3) << "two products and the gradient of the sum";
  EXPECT_GE(calls("right"), right + 2) << "the gradients of relu and of the sum";
  EXPECT_EQ(current_phase(), nullptr);
}

// A kernel with a default in lib/kernels.h that the wrapper forgot would run the default, not the backend's.
TEST(Profile, EveryMethodOfKernelsIsForwarded) {
  const fs::path root = DUEL_SOURCE_DIR;
  const std::string interface = text_of(root / "lib/kernels.h"),
                    wrapper = text_of(root / "ops/profiled_kernels.h");
  // Two spaces in: the methods of Kernels itself, not those of the classes inside it.
  static const std::regex method(R"(\n  virtual\s+[\w:&<>]+[\s&]+(\w+)\()");
  int methods = 0;
  for (std::sregex_iterator m(interface.begin(), interface.end(), method), end; m != end; ++m) {
    const std::string name = (*m)[1];
    EXPECT_TRUE(std::regex_search(wrapper, std::regex("\\b" + name + "\\([^;{]*override")))
        << name << " of lib/kernels.h is missing in ops/profiled_kernels.h";
    ++methods;
  }
  EXPECT_GT(methods, 25);
}

TEST(Profile, TableNamesPhasesKernelsAndWhatItLeftOut) {
  Hand hand;
  Profile profile(hand.clock());
  {
    const ScopedPhase phase("D real");
    profile.record({"gemm", "(2, 3) (3, 4)", 100, 102, 8e9, 6e9, 0});
    profile.record({"copy", "(5)", 102, 103, 0, 1e9, 0});
    hand.seconds = 104;
  }
  const std::string all = profile.table();
  EXPECT_NE(all.find("D real               4.000 100.0%       3.000     1.000        2"), std::string::npos)
      << all;
  EXPECT_NE(all.find("    2.000  50.0%        1  2000000.0       4.0     3.0  gemm (2, 3) (3, 4)\n"),
            std::string::npos)
      << all;
  EXPECT_NE(all.find("    1.000  25.0%        1  1000000.0               1.0  copy (5)\n"), std::string::npos)
      << all;
  const std::string cut = profile.table(1);
  EXPECT_EQ(cut.find("copy"), std::string::npos) << cut;
  EXPECT_NE(cut.find("1 others"), std::string::npos) << cut;
}

TEST(Profile, TraceIsWhatChromeReads) {
  const TemporaryFolder folder;
  const Tensor x = random_tensor({2, 8, 8, 3}, 1, DType::Float32),
               weight = random_tensor({5, 4, 4, 3}, 2, DType::Float32);
  Profile profile;
  {
    const ScopedPhase phase("forward");
    relu(conv2d(x, weight));
  }
  profile.write_trace(folder / "trace.json");
  const auto trace = gan::parse_json(text_of(folder / "trace.json"), "trace.json");
  std::set<std::string> slices;
  double end_of_last = -1;
  gan::Json phase, kernel;
  for (const auto& event : trace.at("traceEvents")) {
    if (event.at("ph") != "X") continue;
    slices.insert(event.at("name").get<std::string>());
    if (event.at("name") == "forward") phase = event;
    if (event.at("tid") != 2) continue;
    EXPECT_GE(event.at("ts").get<double>(), end_of_last) << "kernels overlap";
    end_of_last = event.at("ts").get<double>() + event.at("dur").get<double>();
    kernel = event;
  }
  EXPECT_EQ(slices, (std::set<std::string>{"forward", "conv2d_fprop", "unary"}));
  EXPECT_EQ(kernel.at("args").at("detail"), "Relu (2, 5, 5, 5)");
  EXPECT_EQ(kernel.at("args").at("phase"), "forward");
  EXPECT_LE(end_of_last, phase.at("ts").get<double>() + phase.at("dur").get<double>() + 0.01);
}

TEST(Profile, ALongRunKeepsItsTotalsAndTheBeginningOfItsTrace) {
  Hand hand;
  Profile profile(hand.clock());
  const int64_t calls = Profile::max_events + 10;
  for (int64_t i = 0; i < calls; ++i) profile.record({"gemm", "", 100, 101, 0, 0, 0});
  EXPECT_EQ(profile.kernels().at(0).calls, calls);
  const TemporaryFolder folder;
  profile.write_trace(folder / "trace.json");
  const std::string text = text_of(folder / "trace.json");
  size_t slices = 0;
  for (size_t at = text.find("\"ph\":\"X\""); at != std::string::npos; at = text.find("\"ph\":\"X\"", at + 1))
    ++slices;
  EXPECT_EQ(slices, Profile::max_events);
}

TEST(Profile, ATraceThatCannotBeWrittenIsAnError) {
  const TemporaryFolder folder;
  const Profile profile;
  EXPECT_THROW(profile.write_trace(folder / "no-such-folder" / "trace.json"), Error);
}

}  // namespace
}  // namespace duel
