#include "lib/allocator.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <new>

#include "lib/autograd.h"
#include "lib/kernels.h"
#include "lib/optim.h"
#include "lib/profile.h"
#include "ops/activations.h"
#include "ops/batch_norm.h"
#include "ops/conv2d.h"
#include "ops/layout.h"
#include "ops/losses.h"
#include "ops/matmul.h"
#include "tests/files.h"
#include "tests/tensors.h"

namespace duel {
namespace {

/// A system with so many bytes.
class SmallSystem final : public CachingAllocator {
 public:
  explicit SmallSystem(size_t bytes) : free_(bytes) {}
  ~SmallSystem() override { trim(); }
  size_t blocks() const { return blocks_.size(); }

 protected:
  void* system_allocate(size_t bytes) noexcept override {
    if (bytes > free_) return nullptr;
    free_ -= bytes;
    void* const block = std::aligned_alloc(64, bytes);
    blocks_[block] = bytes;
    return block;
  }
  void system_free(void* block) noexcept override {
    free_ += blocks_[block];
    blocks_.erase(block);
    std::free(block);
  }

 private:
  size_t free_;
  std::map<void*, size_t> blocks_;
};

TEST(Allocator, HandsAFreedBlockOutAgain) {
  HostAllocator allocator;
  void* const first = allocator.allocate(1000);
  allocator.release(first, 1000);
  EXPECT_EQ(allocator.allocate(900), first);  // of one rounded size
  void* const second = allocator.allocate(900);
  EXPECT_NE(second, first);
  EXPECT_EQ(allocator.stats().system_allocations, 2);
  allocator.release(first, 900);
  allocator.release(second, 900);
}

TEST(Allocator, CountsWhatItHolds) {
  HostAllocator allocator;
  void* const a = allocator.allocate(512);
  void* const b = allocator.allocate(1024);
  EXPECT_EQ(allocator.stats().bytes_in_use, 1536);
  allocator.release(a, 512);
  EXPECT_EQ(allocator.stats().bytes_in_use, 1024);
  EXPECT_EQ(allocator.stats().bytes_cached, 512);
  EXPECT_EQ(allocator.stats().peak_bytes, 1536);
  void* const c = allocator.allocate(2048);
  EXPECT_EQ(allocator.stats().peak_bytes, 512 + 1024 + 2048);  // with what is kept
  allocator.trim();
  EXPECT_EQ(allocator.stats().bytes_cached, 0);
  EXPECT_EQ(allocator.stats().peak_bytes, 512 + 1024 + 2048);
  allocator.release(b, 1024);
  allocator.release(c, 2048);
}

TEST(Allocator, KeepsTheBlocksOfRecordedWorkApart) {
  HostAllocator allocator;
  allocator.set_reserving(true);
  void* const recorded = allocator.allocate(512);
  allocator.release(recorded, 512);
  allocator.set_reserving(false);
  void* const other = allocator.allocate(512);
  ASSERT_NE(other, recorded);
  allocator.release(other, 512);
  allocator.set_reserving(true);
  ASSERT_EQ(allocator.allocate(512), recorded);
  ASSERT_EQ(allocator.allocate(512), other);  // of the others where there is none left
  for (void* const block : {other, recorded}) allocator.release(block, 512);
  allocator.set_reserving(false);
  allocator.forget_reserved();
  const int64_t asked = allocator.stats().system_allocations;
  void* const blocks[] = {allocator.allocate(512), allocator.allocate(512)};
  EXPECT_EQ(allocator.stats().system_allocations, asked) << "they are like all others again";
  for (void* const block : blocks) allocator.release(block, 512);
}

TEST(Allocator, HoldsWhatOtherWorkMayStillUse) {
  HostAllocator allocator;
  void* const before = allocator.allocate(512);
  allocator.set_holding(true);
  allocator.release(before, 512);
  EXPECT_EQ(allocator.held_bytes(), 512);
  EXPECT_EQ(allocator.stats().bytes_in_use, 512);
  void* const meanwhile = allocator.allocate(512);
  ASSERT_NE(meanwhile, before);
  allocator.release(meanwhile, 512);
  EXPECT_EQ(allocator.held_bytes(), 1024);
  allocator.set_holding(false);
  EXPECT_EQ(allocator.held_bytes(), 0);
  EXPECT_EQ(allocator.stats().bytes_in_use, 0);
  EXPECT_EQ(allocator.stats().bytes_cached, 1024);
  const int64_t asked = allocator.stats().system_allocations;
  void* const blocks[] = {allocator.allocate(512), allocator.allocate(512)};
  EXPECT_EQ(allocator.stats().system_allocations, asked) << "they are like all others again";
  for (void* const block : blocks) allocator.release(block, 512);
}

TEST(Allocator, AlignsBlocksAndGivesRoomForNothing) {
  HostAllocator allocator;
  std::map<void*, size_t> blocks;
  for (const size_t bytes : {0, 0, 1, 63, 513, 65537, 100000}) {
    void* const block = allocator.allocate(bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % 64, 0u);
    EXPECT_TRUE(blocks.emplace(block, bytes).second);
  }
  for (const auto& [block, bytes] : blocks) allocator.release(block, bytes);
}

TEST(Allocator, GivesKeptBlocksBackBeforeItFails) {
  SmallSystem allocator(8192);
  void* const a = allocator.allocate(4096);
  void* const b = allocator.allocate(2048);
  allocator.release(a, 4096);
  void* const c = allocator.allocate(5120);  // fits once the kept 4096 are free
  EXPECT_EQ(allocator.blocks(), 2u);
  EXPECT_EQ(allocator.stats().bytes_cached, 0);
  EXPECT_EQ(error_of([&] { (void)allocator.allocate(2000); }),
            "out of memory: asked for 2048 bytes with 7168 bytes in use; smaller batches need less");
  EXPECT_EQ(allocator.stats().bytes_in_use, 7168);
  allocator.release(b, 2048);
  EXPECT_EQ(allocator.allocate(2000), b);
  allocator.release(b, 2000);
  allocator.release(c, 5120);
}

// What the host's system hands out it may not have: it never says that there is no more.
TEST(Allocator, DoesNotKeepAllThatWasEverAskedFor) {
  HostAllocator allocator;
  constexpr size_t megabyte = 1 << 20;
  constexpr int64_t spare = 64 << 20, largest = 80 * megabyte;
  for (size_t size = megabyte; size <= 80 * megabyte; size += megabyte) {
    allocator.release(allocator.allocate(size), size);
    EXPECT_LE(allocator.stats().bytes_cached, 3 * largest + spare);
  }
  EXPECT_EQ(allocator.stats().peak_in_use, largest);
  EXPECT_GT(allocator.stats().bytes_cached, 0);
}

/// Memory of 4 KiB, whose blocks are held for work that ends when it is asked to.
class SmallAllocator final : public CachingAllocator {
 public:
  explicit SmallAllocator(bool ends) : ends_(ends) {}
  ~SmallAllocator() override { trim(); }

 protected:
  void* system_allocate(size_t bytes) override {
    if (left_ < bytes) return nullptr;
    left_ -= bytes;
    sizes_.push_back(bytes);
    return ::operator new(bytes, std::align_val_t(64));
  }
  void system_free(void* block) noexcept override {
    left_ += sizes_.back();  // all blocks of these tests are of one size
    sizes_.pop_back();
    ::operator delete(block, std::align_val_t(64));
  }
  void end_holding() override {
    if (ends_) set_holding(false);
  }

 private:
  bool ends_;
  size_t left_ = 4096;
  std::vector<size_t> sizes_;
};

TEST(Allocator, GivesHeldBlocksUpBeforeARequestFails) {
  for (const bool ends : {true, false}) {
    SmallAllocator allocator(ends);
    allocator.set_holding(true);
    void* const held = allocator.allocate(2048);
    void* const used = allocator.allocate(2048);
    allocator.release(held, 2048);
    if (ends) {
      EXPECT_EQ(allocator.allocate(2048), held);
      allocator.release(held, 2048);
    } else {
      EXPECT_THROW(allocator.allocate(2048), OutOfMemory);
      EXPECT_EQ(allocator.held_bytes(), 2048);
    }
    allocator.set_holding(false);
    allocator.release(used, 2048);
  }
}

TEST(Allocator, ReportsWhoHeldTheMemoryAtThePeak) {
  HostAllocator allocator;
  const Profile profile;
  void* const before = allocator.allocate(4096);
  allocator.begin_report();
  void *a = nullptr, *b = nullptr, *c = nullptr;
  {
    ScopedPhase phase("D");
    a = allocator.allocate(1024);
    phase.change("G");
    b = allocator.allocate(2048);
    allocator.release(a, 1024);
    c = allocator.allocate(512);  // less than was in use before
  }
  using Shares = std::vector<std::pair<std::string, int64_t>>;
  EXPECT_EQ(allocator.peak_by_phase(), (Shares{{"before it began", 4096}, {"G", 2048}, {"D", 1024}}));
  const std::string report = allocator.report("cpu");
  EXPECT_TRUE(contains(report, "Memory of cpu: 0.0 MB in use at the peak, ")) << report;
  EXPECT_TRUE(contains(report, "at the peak by phase: before it began 0.0 MB, G 0.0 MB, D 0.0 MB")) << report;
  allocator.release(before, 4096);
  void* const large = allocator.allocate(8192);  // a new peak, without what has gone
  EXPECT_EQ(allocator.peak_by_phase(), (Shares{{"other", 8192}, {"G", 2560}}));
  for (const auto& [block, bytes] : {std::pair{b, size_t{2048}}, {c, size_t{512}}, {large, size_t{8192}}})
    allocator.release(block, bytes);
}

TEST(Allocator, SaysSoWhenATensorIsTooLarge) {
  EXPECT_TRUE(contains(error_of([] { Tensor::empty({int64_t{1} << 58}); }), "out of memory: asked for "));
}

// A step of a small convolutional network asks the system for memory in its first iteration alone.
TEST(Allocator, SteadyTrainingAsksTheSystemForNothing) {
  Tensor conv_weight = random_leaf({8, 4, 4, 3}, 1, DType::Float32);
  Tensor bn_weight = random_leaf({8}, 2, DType::Float32), bn_bias = random_leaf({8}, 3, DType::Float32);
  Tensor weight = random_leaf({1, 8 * 8 * 8}, 4, DType::Float32), bias = random_leaf({1}, 5, DType::Float32);
  const Tensor mean = Tensor::zeros({8}), variance = Tensor::full({8}, 1);
  const Tensor target = Tensor::full({16, 1}, 1);
  Optimizer optimizer =
      adam({conv_weight, bn_weight, bn_bias, weight, bias}, {"conv", "bn.w", "bn.b", "fc.w", "fc.b"}, {});
  const auto iterate = [&](uint64_t seed) {
    const Tensor x = random_tensor({16, 16, 16, 3}, seed, DType::Float32);
    Tensor y = conv2d(x, conv_weight, {}, {2, 2}, {1, 1});
    y = leaky_relu(batch_norm(y, bn_weight, bn_bias, mean, variance), 0.2);
    const Tensor loss = bce_with_logits(linear(reshape(y, {16, 512}), weight, bias), target);
    optimizer.zero_grad();
    backward(loss);
    optimizer.step();
  };
  const CachingAllocator& allocator = kernels({}).allocator();
  iterate(1);
  const CachingAllocator::Stats first = allocator.stats();
  for (uint64_t i = 2; i < 6; ++i) iterate(i);
  EXPECT_EQ(allocator.stats().system_allocations, first.system_allocations);
  EXPECT_EQ(allocator.stats().bytes_in_use, first.bytes_in_use);
}

}  // namespace
}  // namespace duel
