// The CUDA backend as a device: loading it, its memory, and the order of its work.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <numeric>

#include "lib/allocator.h"
#include "lib/autograd.h"
#include "lib/optim.h"
#include "ops/activations.h"
#include "ops/batch_norm.h"
#include "ops/conv2d.h"
#include "ops/losses.h"
#include "tests/cuda_test.h"

namespace duel {
namespace {

class CudaDevice : public CudaTest {};

std::string refusal_of(Device device) {
  try {
    kernels(device);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

// On every machine one of: usable, or a single line that says why not and what to do.
TEST(CudaBackend, IsUsableOrSaysWhyNot) {
  std::string why;
  const bool usable = cuda_available(&why);
  EXPECT_EQ(refusal_of(cuda_device), why);
  if (usable) {
    EXPECT_EQ(why, "");
    EXPECT_TRUE(kernels(cuda_device).description().starts_with("CUDA, "))
        << kernels(cuda_device).description();
  } else {
    EXPECT_TRUE(why.starts_with("[device] cuda:0: ")) << why;
    EXPECT_NE(why.find("use the CPU"), std::string::npos) << why;
    EXPECT_EQ(why.find('\n'), std::string::npos) << why;
    EXPECT_EQ(why.find("cannot be loaded"), std::string::npos) << why;
  }
}

// Also where no driver is, and the backend is not loaded: all that the library takes from the program is
// there.
TEST(CudaBackend, CanBeLoaded) {
  if (!dlopen("libduel_cuda.so", RTLD_NOW | RTLD_LOCAL)) {
    const std::string why = dlerror();
    if (why.starts_with("libduel_cuda.so: cannot open")) GTEST_SKIP() << "built without CUDA";
    FAIL() << why;
  }
}

TEST_F(CudaDevice, NumbersBeyondTheLastAreRefused) {
  for (const int index : {-1, 99}) {
    const std::string why = refusal_of({Device::Kind::Cuda, index});
    EXPECT_NE(why.find(concat("cuda:", index, ": there ")), std::string::npos) << why;
  }
}

// ---- moving ----

TEST_F(CudaDevice, UploadsLargerThanTheStagingRing) {
  std::vector<int64_t> numbers(3 << 20);  // 24 MiB
  std::iota(numbers.begin(), numbers.end(), 0);
  const Tensor x = Tensor::from(numbers, {3 << 20}, cuda_device);
  EXPECT_TRUE(x.to_vector<int64_t>() == numbers);
}

// The host's memory belongs to the caller again as soon as upload() returns.
TEST_F(CudaDevice, UploadedMemoryMayChangeAtOnce) {
  const Tensor x = Tensor::empty({1000}, DType::Int64, cuda_device);
  std::vector<Tensor> kept;
  for (int64_t i = 0; i < 20; ++i) {
    std::vector<int64_t> numbers(1000, i);
    x.upload(numbers.data());
    std::fill(numbers.begin(), numbers.end(), -1);
    kept.push_back(x.clone());
  }
  for (int64_t i = 0; i < 20; ++i)
    EXPECT_EQ(kept[static_cast<size_t>(i)].to_vector<int64_t>(), std::vector<int64_t>(1000, i));
}

TEST_F(CudaDevice, FillsEveryType) {
  for (const double value : {0.0, -0.0, 3.0}) {
    for (const DType dtype : {DType::Float32, DType::Float64, DType::UInt8, DType::Int64}) {
      const Tensor x = Tensor::full({37}, value, dtype, cuda_device),
                   expected = Tensor::full({37}, value, dtype);
      std::vector<char> bytes(x.bytes()), expected_bytes(x.bytes());
      x.download(bytes.data());
      expected.download(expected_bytes.data());
      EXPECT_EQ(bytes, expected_bytes) << value << " as " << name_of(dtype);
    }
  }
}

TEST_F(CudaDevice, EmptyTensorsAreNoWork) {
  const Tensor empty = Tensor::zeros({0, 3}, DType::Float32, cuda_device);
  kernels(cuda_device).binary(Add{}, empty, empty, empty);
  EXPECT_TRUE(empty.clone().to_vector<float>().empty());
}

// ---- memory ----

TEST_F(CudaDevice, RunningOutOfMemorySaysHowMuchWasAskedAndIsFree) {
  const Tensor before = Tensor::full({100}, 5, DType::Float32, cuda_device);
  try {
    Tensor::empty({int64_t{1} << 50}, DType::UInt8, cuda_device);
    FAIL() << "2^50 bytes were there";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("asked for 1125899906842624 bytes"), std::string::npos) << message;
    EXPECT_NE(message.find("MiB free on cuda:0"), std::string::npos) << message;
  }
  // The device is as usable as before.
  EXPECT_EQ(before.clone().to_vector<float>(), std::vector<float>(100, 5));
}

TEST_F(CudaDevice, TrainingStepsAllocateNothingAfterTheFirst) {
  Tensor weight = normal({8, 4, 4, 4}, DType::Float32, 1).to(cuda_device).set_requires_grad(true);
  Tensor gamma = normal({8}, DType::Float32, 2).to(cuda_device).set_requires_grad(true);
  Tensor beta = normal({8}, DType::Float32, 3).to(cuda_device).set_requires_grad(true);
  const Tensor x = normal({4, 8, 8, 4}, DType::Float32, 4).to(cuda_device);
  Optimizer optimizer = adam({weight, gamma, beta}, {"weight", "gamma", "beta"}, {});
  const auto step = [&] {
    optimizer.zero_grad();
    const Tensor h = batch_norm(conv2d(x, weight, {}, {2, 2}, {1, 1}), gamma, beta, {}, {}, {});
    const Tensor target = Tensor::full(h.shape(), 1, DType::Float32, cuda_device);
    const Tensor loss = bce_with_logits(leaky_relu(h, 0.2), target);
    backward(loss);
    optimizer.step();
    return loss.item();
  };
  step();
  const double second = step();
  const int64_t allocations = kernels(cuda_device).allocator().stats().system_allocations;
  for (int i = 0; i < 5; ++i) EXPECT_LT(step(), second);
  EXPECT_EQ(kernels(cuda_device).allocator().stats().system_allocations, allocations);
}

}  // namespace
}  // namespace duel
