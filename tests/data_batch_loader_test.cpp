#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lib/data/batch_loader.h"
#include "tests/files.h"

namespace duel {
namespace {

/// RGB pictures, of 2x2 unless told, whose bytes tell their number and the place of each pixel.
class Numbered : public Dataset {
 public:
  explicit Numbered(int64_t size, int64_t side = 2) : size_(size), side_(side) {}

  int64_t size() const override { return size_; }
  int64_t image_size() const override { return side_; }
  int64_t channels() const override { return 3; }
  void read(int64_t index, uint8_t* pixels) const override {
    std::this_thread::sleep_for(delay);
    if (index == broken) throw std::runtime_error("picture " + std::to_string(index));
    for (int64_t i = 0; i < picture_bytes(); ++i) pixels[i] = static_cast<uint8_t>(index + 20 * i);
  }
  std::string description() const override { return "numbers"; }

  std::atomic<int64_t> broken{-1};
  std::chrono::microseconds delay{0};

 private:
  int64_t size_, side_;
};

struct Seen {
  int64_t epoch, step;
  std::vector<uint8_t> pixels;
  std::vector<uint32_t> pictures;
  bool operator==(const Seen&) const = default;
};

std::vector<Seen> take(BatchLoader& loader, int count) {
  std::vector<Seen> seen;
  for (int i = 0; i < count; ++i) {
    const Batch batch = loader.next();
    seen.push_back({batch.epoch,
                    batch.step,
                    {batch.pixels.begin(), batch.pixels.end()},
                    {batch.pictures.begin(), batch.pictures.end()}});
  }
  return seen;
}

BatchOptions options(int64_t batch_size, int threads = 1) {
  BatchOptions result;
  result.batch_size = batch_size;
  result.threads = threads;
  result.seed = 7;
  return result;
}

TEST(BatchLoader, TakesEveryPictureOnceAnEpochAndDropsTheRest) {
  const Numbered data(11);
  BatchLoader loader(data, options(3));
  ASSERT_EQ(loader.steps_per_epoch(), 3);
  std::vector<std::vector<uint32_t>> orders;
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<uint32_t> order;
    for (int64_t step = 0; step < 3; ++step) {
      const Batch batch = loader.next();
      EXPECT_EQ(batch.epoch, epoch);
      EXPECT_EQ(batch.step, step);
      order.insert(order.end(), batch.pictures.begin(), batch.pictures.end());
    }
    EXPECT_EQ(std::set<uint32_t>(order.begin(), order.end()).size(), 9u);
    EXPECT_LT(*std::max_element(order.begin(), order.end()), 11u);
    orders.push_back(order);
  }
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_NE(orders[1], orders[2]);
}

TEST(BatchLoader, HoldsThePixelsOfItsPictures) {
  const Numbered data(11);
  BatchLoader loader(data, options(4, 2));
  for (const Seen& batch : take(loader, 7)) {
    for (size_t i = 0; i < 4; ++i) {
      uint8_t expected[12];
      data.read(batch.pictures[i], expected);
      EXPECT_EQ(std::memcmp(expected, batch.pixels.data() + 12 * i, 12), 0);
    }
  }
}

TEST(BatchLoader, KeepsTheOrderOfTheSetUnlessShuffled) {
  const Numbered data(10);
  BatchOptions sequence = options(4);
  sequence.shuffle = false;
  BatchLoader loader(data, sequence);
  const std::vector<Seen> seen = take(loader, 3);
  EXPECT_EQ(seen[0].pictures, (std::vector<uint32_t>{0, 1, 2, 3}));
  EXPECT_EQ(seen[1].pictures, (std::vector<uint32_t>{4, 5, 6, 7}));
  EXPECT_EQ(seen[2].pictures, (std::vector<uint32_t>{0, 1, 2, 3}));
}

TEST(BatchLoader, IsTheSameWithAnyNumberOfThreads) {
  const Numbered data(23);
  BatchOptions one = options(2), many = options(2, 5);
  one.hflip = many.hflip = true;
  BatchLoader a(data, one), b(data, many);
  EXPECT_EQ(take(a, 60), take(b, 60));
}

TEST(BatchLoader, SeeksToWhereAnotherWouldBe) {
  Numbered data(23);
  data.delay = std::chrono::microseconds(200);  // seeks find the threads at work
  for (const int threads : {1, 3}) {
    BatchOptions flipped = options(4, threads);
    flipped.hflip = true;
    BatchLoader straight(data, flipped);
    const std::vector<Seen> expected = take(straight, 20);  // 5 batches an epoch

    BatchLoader resumed(data, flipped);
    for (const auto& [epoch, step] : {std::pair{2, 3}, {0, 0}, {3, 4}, {0, 1}}) {
      resumed.seek(epoch, step);
      const int first = 5 * epoch + step;
      const std::vector<Seen> seen = take(resumed, std::min(4, 20 - first));
      EXPECT_TRUE(std::equal(seen.begin(), seen.end(), expected.begin() + first)) << epoch << ", " << step;
    }
    EXPECT_THROW(resumed.seek(0, 5), Error);
    EXPECT_THROW(resumed.seek(-1, 0), Error);
    EXPECT_THROW(resumed.seek(int64_t{1} << 62, 0), Error);
  }
}

TEST(BatchLoader, MirrorsRowsByTheFlipOfTheirPosition) {
  const Numbered data(40, 4);  // of two pixels both ends are the same
  BatchOptions flipped = options(20);
  flipped.hflip = true;
  BatchLoader loader(data, flipped);
  int mirrored = 0;
  for (const Seen& batch : take(loader, 4)) {
    for (size_t i = 0; i < 20; ++i) {
      uint8_t plain[48];
      data.read(batch.pictures[i], plain);
      const bool flip = is_flipped(7, batch.epoch, 20 * batch.step + static_cast<int64_t>(i));
      mirrored += flip;
      for (size_t pixel = 0; pixel < 16; ++pixel) {
        const size_t source = flip ? pixel ^ 3 : pixel;
        EXPECT_EQ(std::memcmp(plain + 3 * source, batch.pixels.data() + 48 * i + 3 * pixel, 3), 0);
      }
    }
  }
  EXPECT_GT(mirrored, 20);
  EXPECT_LT(mirrored, 60);
}

TEST(BatchLoader, ReusesItsBuffers) {
  const Numbered data(50);
  BatchLoader loader(data, options(2, 2));
  std::set<const uint8_t*> buffers;
  for (int i = 0; i < 100; ++i) buffers.insert(loader.next().pixels.data());
  EXPECT_LE(buffers.size(), 4u);
}

TEST(BatchLoader, LeavesTheCallersBatchAlone) {
  const Numbered data(50);
  BatchLoader loader(data, options(2, 2));
  for (int i = 0; i < 10; ++i) {
    const Batch batch = loader.next();
    const std::vector<uint8_t> pixels(batch.pixels.begin(), batch.pixels.end());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the threads run as far ahead as they may
    EXPECT_TRUE(std::equal(pixels.begin(), pixels.end(), batch.pixels.begin()));
  }
}

TEST(BatchLoader, ThrowsWhatReadingThrew) {
  Numbered data(10);
  data.broken = 5;
  BatchOptions sequence = options(4);
  sequence.shuffle = false;
  BatchLoader loader(data, sequence);
  EXPECT_EQ(loader.next().pictures[0], 0u);
  for (int i = 0; i < 2; ++i) {
    try {
      loader.next();
      ADD_FAILURE() << "no exception";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "picture 5");
    }
  }
  data.broken = -1;
  loader.seek(0, 1);
  EXPECT_EQ(loader.next().pictures[0], 4u);
}

TEST(BatchLoader, SaysWhatIsWrongWithItsOptions) {
  const Numbered data(10);
  EXPECT_EQ(error_of([&] { BatchLoader(data, options(11)); }),
            "the batch size 11 is larger than the set of 10 pictures: choose a batch size of at most 10 or "
            "give more "
            "pictures");
  EXPECT_NO_THROW(BatchLoader(data, options(10)));
  EXPECT_THROW(BatchLoader(data, options(0)), Error);
  EXPECT_THROW(BatchLoader(data, options(4, 0)), Error);
}

TEST(ShuffledOrder, IsAFairPermutation) {
  // Each of five pictures stands in each of five places in about a fifth of 5000 epochs: 1000 with a standard
  // deviation of 28.
  int counts[5][5] = {};
  std::vector<uint32_t> order(5);
  for (int64_t epoch = 0; epoch < 5000; ++epoch) {
    shuffled_order(3, epoch, order);
    EXPECT_EQ(std::accumulate(order.begin(), order.end(), 0u,
                              [](uint32_t bits, uint32_t i) { return bits | 1u << i; }),
              31u);
    for (size_t place = 0; place < 5; ++place) ++counts[place][order[place]];
  }
  for (const auto& row : counts) {
    for (const int count : row) EXPECT_NEAR(count, 1000, 140);
  }
}

// Fixed for ever: a run that is resumed by a later version must go on in the order it began with.
TEST(ShuffledOrder, IsWhatItWas) {
  std::vector<uint32_t> order(10);
  shuffled_order(1, 2, order);
  EXPECT_EQ(order, (std::vector<uint32_t>{5, 4, 0, 9, 2, 3, 7, 6, 1, 8}));
}

}  // namespace
}  // namespace duel
