// What the threads of a batch loader could spoil.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "lib/data/batch_loader.h"
#include "tests/files.h"

namespace duel {
namespace {

/// Pictures of one grey pixel, which is their number.
class Pixels final : public Dataset {
 public:
  int64_t size() const override { return 64; }
  int64_t image_size() const override { return 1; }
  int64_t channels() const override { return 1; }
  void read(int64_t index, uint8_t* pixels) const override {
    if (broken) throw std::runtime_error("broken");
    ++reads;
    *pixels = static_cast<uint8_t>(index);
  }
  std::string description() const override { return "pixels"; }

  std::atomic<bool> broken{false};
  mutable std::atomic<int64_t> reads{0};
};

class LoaderThreads : public testing::TestWithParam<int> {};

TEST_P(LoaderThreads, LeaveABatchAloneUntilTheNextCall) {
  const Pixels data;
  BatchLoader loader(data, {.batch_size = 2, .seed = 5, .threads = GetParam()});
  for (int i = 0; i < 10; ++i) {
    const Batch batch = loader.next();
    // Long enough for the threads to fill all that there is room for.
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_TRUE(std::equal(batch.pixels.begin(), batch.pixels.end(), batch.pictures.begin()));
    const int64_t number = batch.epoch * loader.steps_per_epoch() + batch.step;
    EXPECT_EQ(number, i);
  }
  // What next() gave, one that lies ready and one for each thread.
  EXPECT_LE(data.reads, 2 * (10 + 1 + GetParam()));
}

TEST_P(LoaderThreads, EndWhereverTheyAre) {
  Pixels data;
  for (int i = 0; i < 60; ++i) {
    data.broken = i % 3 == 0;
    BatchLoader loader(data, {.batch_size = 4, .seed = 1, .threads = GetParam()});
    if (i % 2 == 0) loader.seek(i, 1);
    if (data.broken) {
      EXPECT_THROW(loader.next(), std::runtime_error);
    } else if (i % 3 == 1) {
      loader.next();
    }
  }
}

TEST_P(LoaderThreads, GoOnAfterASeekFromAnException) {
  Pixels data;
  data.broken = true;
  BatchLoader loader(data, {.batch_size = 4, .shuffle = false, .threads = GetParam()});
  EXPECT_THROW(loader.next(), std::runtime_error);
  data.broken = false;
  loader.seek(0, 2);
  EXPECT_EQ(loader.next().pixels[0], 8);
}

INSTANTIATE_TEST_SUITE_P(BatchLoader, LoaderThreads, testing::Values(1, 2, 4));

TEST(BatchLoader, OrdersAndMirrorsAnewBySeedAndEpoch) {
  constexpr uint64_t kHigh = uint64_t{1} << 40;
  const auto order = [](uint64_t seed, int64_t epoch) {
    std::vector<uint32_t> result(40);
    shuffled_order(seed, epoch, result);
    return result;
  };
  const auto flips = [](uint64_t seed, int64_t epoch) {
    std::vector<bool> result;
    for (int64_t position = 0; position < 64; ++position) result.push_back(is_flipped(seed, epoch, position));
    return result;
  };
  EXPECT_EQ(order(1, 2), order(1, 2));
  EXPECT_EQ(flips(1, 2), flips(1, 2));
  for (const auto& [seed, epoch] : {std::pair<uint64_t, int64_t>{1, 3}, {2, 2}, {1 + kHigh, 2}}) {
    EXPECT_NE(order(seed, epoch), order(1, 2)) << seed << ", " << epoch;
    EXPECT_NE(flips(seed, epoch), flips(1, 2)) << seed << ", " << epoch;
  }
}

}  // namespace
}  // namespace duel
