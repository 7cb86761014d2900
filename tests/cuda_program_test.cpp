// The program on the CUDA backend, from its first line to its files. What needs a machine of a certain kind
// is tried where the host plays the card (tests/host_cuda).
#include <cstdlib>
#include <regex>

#include "lib/allocator.h"
#include "tests/cuda_test.h"
#include "tests/dcgan_program.h"

namespace duel {
namespace {

class CudaProgram : public CudaTest {};

/// Skips unless the host plays the card, whose machine an environment variable can then change.
class HostCudaProgram : public CudaTest {
 protected:
  void SetUp() override {
    CudaTest::SetUp();
    if (IsSkipped()) return;
    if (!contains(kernels(cuda_device).description(), "the host as a GPU"))
      GTEST_SKIP() << "changes the machine: for the emulated card alone";
  }
};

/// An environment variable, for the programs that are started while it lives, too.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~Environment() { ::unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
};

Words on_card(const Words& more, const char* device = "cuda") {
  return tiny_train(Words{"--device", device, "--hflip"} + more);
}

void expect_same_files(const Program& dcgan, const std::string& a, const std::string& b) {
  for (const char* file : {"/networks.safetensors", "/checkpoints/latest.safetensors"})
    EXPECT_TRUE(dcgan.bytes(a + file) == dcgan.bytes(b + file)) << file;
  EXPECT_EQ(dcgan.names(a + "/samples"), dcgan.names(b + "/samples"));
  for (const std::string& name : dcgan.names(a + "/samples"))
    EXPECT_TRUE(dcgan.bytes(a + "/samples/" + name) == dcgan.bytes(b + "/samples/" + name)) << name;
  EXPECT_EQ(dcgan.metrics(a), dcgan.metrics(b));
}

TEST_F(CudaProgram, RecordedRunsWriteTheBytesOfOthers) {
  const Program dcgan;
  const std::string recorded = dcgan.good(on_card({"--epochs", "2", "--output", "recorded"}));
  EXPECT_TRUE(contains(recorded, "Duel on CUDA, ")) << recorded;
  const bool bf16 = kernels(cuda_device).trains_in_bf16();
  EXPECT_TRUE(contains(recorded, bf16
                                     ? "With products and activations in bf16, convolutions without a stored "
                                       "matrix, steps replayed as graphs"
                                     : "With products in fp32, convolutions by im2col, steps replayed as "
                                       "graphs"))
      << recorded;
  const std::string plain =
      dcgan.good(on_card({"--epochs", "2", "--step-graphs", "off", "--output", "plain"}));
  EXPECT_TRUE(contains(plain, "kernel by kernel")) << plain;
  expect_same_files(dcgan, "recorded", "plain");
}

// Nothing depends on what the card does at the same time.
TEST_F(CudaProgram, RunsWithoutWorkSideBySideWriteTheSameBytes) {
  const Program dcgan;
  dcgan.good(on_card({"--steps", "5", "--output", "beside"}));
  for (const char* variable : {"DUEL_NO_BESIDE", "DUEL_NO_OVERLAP"}) {
    const Environment environment(variable, "1");
    dcgan.good(on_card({"--steps", "5", "--output", variable}));
    expect_same_files(dcgan, "beside", variable);
  }
}

TEST_F(CudaProgram, ARunThatWasStoppedGoesOnExactly) {
  const Program dcgan;
  dcgan.good(on_card({"--epochs", "3", "--output", "whole"}));
  dcgan.good(on_card({"--epochs", "1", "--output", "parts"}));
  dcgan.good({"train", "--resume", "parts", "--epochs", "3", "--device", "cuda", "--threads", "1"});
  expect_same_files(dcgan, "whole", "parts");
}

TEST_F(CudaProgram, ARunGoesOnOnTheOtherDevice) {
  const Program dcgan;
  dcgan.good(tiny_train({"--hflip", "--epochs", "3", "--output", "cpu"}));
  dcgan.good(tiny_train({"--hflip", "--epochs", "1", "--output", "both"}));
  // In the precision of the run, which began on the CPU.
  dcgan.good({"train", "--resume", "both", "--epochs", "2", "--device", "cuda", "--threads", "1"});
  dcgan.good({"train", "--resume", "both", "--epochs", "3", "--device", "cpu", "--threads", "1"});
  const Words expected = dcgan.metrics("cpu"), actual = dcgan.metrics("both");
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 1; i < expected.size(); ++i) {  // epoch,batch,step, then the numbers
    std::istringstream a(actual[i]), e(expected[i]);
    for (std::string x, y; std::getline(e, y, ',') && std::getline(a, x, ',');)
      EXPECT_NEAR(std::stod(x), std::stod(y), 1e-3 * std::abs(std::stod(y))) << actual[i] << "\n"
                                                                             << expected[i];
  }
}

TEST_F(CudaProgram, OtherPrecisionsAreSaidInTheFirstLines) {
  const Program dcgan;
  for (const auto& [precision, of] :
       {std::pair<std::string, std::string>{"tf32", "products"}, {"bf16", "products and activations"}}) {
    const Finished run = dcgan.run(
        on_card({"--steps", "2", "--precision", precision, "--output", precision, "--conv", "implicit"}));
    if (run.code != 0 && contains(run.err, "compute capability 8.0")) GTEST_SKIP() << run.err;
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_TRUE(
        contains(run.out, "With " + of + " in " + precision + ", convolutions without a stored matrix"))
        << run.out;
  }
}

TEST_F(CudaProgram, ProfilesSayWhoHeldTheMemory) {
  const Program dcgan;
  const std::string out = dcgan.good(on_card({"--steps", "3", "--profile", "--output", "run"}));
  EXPECT_TRUE(std::regex_search(out, std::regex("Memory of cuda:0: [0-9.]+ MB in use at the peak"))) << out;
  EXPECT_TRUE(std::regex_search(out, std::regex("at the peak by phase: .*before it began [0-9.]+ MB")))
      << out;
  EXPECT_TRUE(std::regex_search(out, std::regex("at the peak by phase: .*D real, fake [0-9.]+ MB"))) << out;
  EXPECT_TRUE(dcgan.exists("run/trace.json"));
}

TEST_F(CudaProgram, AutoTakesTheCard) {
  const std::string out = Program().good(on_card({"--steps", "1", "--output", "run"}, "auto"));
  EXPECT_TRUE(contains(out, "Duel on CUDA, ")) << out;
}

TEST_F(CudaProgram, TheOtherCommandsTakeTheDevice) {
  const Program dcgan;
  dcgan.good(on_card({"--epochs", "1", "--output", "run"}));
  dcgan.good({"sample", "--checkpoint", "run", "--device", "cuda", "--output", "card.png"});
  EXPECT_TRUE(dcgan.exists("card.png"));
}

// ---- machines of all kinds ----

TEST_F(HostCudaProgram, WhatIsMissingIsSaidInOneLine) {
  const Program dcgan;
  for (const auto& [machine, part] :
       {std::pair<const char*, const char*>{"no-device", "no NVIDIA GPU was found"},
        {"no-driver", "no NVIDIA driver is installed"},
        {"old-driver", "the NVIDIA driver is for CUDA 11.4, this build needs CUDA 13.0"},
        {"no-code", "this build has no code for compute capability 9.0"}}) {
    const Environment environment("HOST_CUDA", machine);
    const std::string line = dcgan.bad(on_card({"--output", "run"}), part);
    EXPECT_TRUE(contains(line, "--device cpu")) << line;
    EXPECT_FALSE(dcgan.exists("run"));
    dcgan.good(tiny_train({"--device", "auto", "--steps", "1", "--output", machine}));
  }
  dcgan.bad(on_card({"--output", "run"}, "cuda:7"),
            "there are 2 GPUs, numbered from 0; use one of them or the CPU (--device cpu)");
  dcgan.good(on_card({"--steps", "1", "--output", "second"}, "cuda:1"));
}

// What a card or the code for it lacks is not asked of it.
TEST_F(HostCudaProgram, OtherCardsTrainWithWhatTheyHave) {
  const Program dcgan;
  for (const auto& [card, precision, how] : {std::tuple{"turing", "fp32", "by im2col"},
                                             {"code-for-turing", "fp32", "by im2col"},
                                             {"ada", "tf32", "without a stored matrix"},
                                             {"code-for-ampere", "bf16", "without a stored matrix"},
                                             {"blackwell", "bf16", "without a stored matrix"}}) {
    const Environment environment("HOST_CUDA", card);
    const std::string out = dcgan.good(
        on_card({"--steps", "2", "--conv", "implicit", "--precision", precision, "--output", card}));
    EXPECT_TRUE(contains(out, std::string("convolutions ") + how)) << card << ": " << out;
  }
  for (const auto& [variable, value] : {std::pair{"HOST_CUDA", "driver-12.2"}, {"CUDA_FORCE_PTX_JIT", "1"}}) {
    const Environment environment(variable, value);
    dcgan.good(on_card({"--steps", "4", "--conv", "implicit", "--precision", "bf16", "--output", variable}));
  }
  for (const char* card : {"turing", "code-for-turing"}) {
    const Environment environment("HOST_CUDA", card);
    dcgan.bad(on_card({"--precision", "tf32", "--output", "refused"}),
              "running code for 7.5: TF32 and bfloat16 need compute capability 8.0 and code for it; use "
              "float32 (--precision fp32)");
  }
}

TEST_F(HostCudaProgram, NoRoomForARecordedStepIsSaid) {
  const Program dcgan;
  const Environment environment("HOST_CUDA", "no-room-for-graphs");
  dcgan.bad(on_card({"--steps", "20", "--output", "run"}),
            "out of memory: no room for a recorded step; smaller batches need less (");
  dcgan.good(on_card({"--steps", "20", "--step-graphs", "off", "--output", "plain"}));
}

TEST_F(HostCudaProgram, NoRoomForALibrarysOwnMemoryIsSaid) {
  const Environment environment("HOST_CUDA", "no-room-for-cublas");
  Program().bad(on_card({"--steps", "20", "--output", "run"}),
                "out of memory: cublasCreate found no room on the device; smaller batches need less");
}

TEST_F(HostCudaProgram, ARequestBesideOtherWorkGivesHeldBlocksUp) {
  const Environment memory("HOST_CUDA_MEMORY", "768");
  Kernels& k = kernels(cuda_device);
  CachingAllocator& allocator = k.allocator();
  allocator.trim();
  constexpr size_t bytes = 400 << 20;  // of which two do not fit
  for (int i = 0; i < 2; ++i) {
    k.beside([&] { allocator.release(allocator.allocate(bytes), bytes); });
    EXPECT_GE(allocator.held_bytes(), int64_t{bytes});
  }
  k.join();
  EXPECT_EQ(allocator.held_bytes(), 0);
  allocator.trim();
}

TEST_F(HostCudaProgram, ARunThatDoesNotFitNamesABatchThatDoes) {
  const Program dcgan;
  const Environment memory("HOST_CUDA_MEMORY", "96");
  const auto words = [](const std::string& batch, const std::string& output) {
    return on_card({"--synthetic-count", "900", "--batch-size", batch, "--steps", "3", "--output", output});
  };
  const std::string line = dcgan.bad(words("900", "large"), "out of memory: asked for ");
  EXPECT_TRUE(contains(line, " of 96 MiB free")) << line;
  EXPECT_TRUE(contains(line, "--resume large")) << line;
  std::smatch fits;
  ASSERT_TRUE(std::regex_search(line, fits, std::regex("--batch-size (\\d+) would fit"))) << line;
  const int batch = std::stoi(fits[1]);
  EXPECT_GT(batch, 90) << "far less than the memory holds";
  dcgan.good(words(fits[1], "smaller"));
  // The run itself is whole: elsewhere it goes on.
  dcgan.good({"train", "--resume", "large", "--device", "cpu", "--steps", "1", "--threads", "1",
              "--precision", "fp32"});
}

TEST_F(HostCudaProgram, ASetThatDoesNotFitStaysOnTheHost) {
  const Program dcgan;
  // 3 KiB a picture: of 72 MiB, the libraries' 64 leave too little for all of them, and enough for a batch.
  const Words words{"--synthetic-count", "1500", "--steps", "4"};
  {
    const Environment memory("HOST_CUDA_MEMORY", "72");
    dcgan.good(on_card(words + Words{"--output", "host"}));
  }
  dcgan.good(on_card(words + Words{"--output", "card"}));
  expect_same_files(dcgan, "host", "card");
}

}  // namespace
}  // namespace duel
