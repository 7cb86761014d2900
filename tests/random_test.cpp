#include "lib/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "tests/files.h"
#include "tests/tensors.h"
#include "tests/with_threads.h"

namespace duel {
namespace {

// The counter in the order of the words of its 128 bits, lowest first.
PhiloxBlock philox(const std::array<uint32_t, 4>& counter, const std::array<uint32_t, 2>& key) {
  const auto join = [](uint32_t low, uint32_t high) { return uint64_t{high} << 32 | low; };
  return philox4x32_10(join(key[0], key[1]), join(counter[2], counter[3]), join(counter[0], counter[1]));
}

// The known answers that the authors of Philox publish with their library, Random123.
TEST(Philox, GivesTheKnownAnswers) {
  const auto expect = [](const PhiloxBlock& block, const std::array<uint32_t, 4>& words) {
    for (size_t i = 0; i < 4; ++i) EXPECT_EQ(block.word[i], words[i]) << "word " << i;
  };
  expect(philox({0, 0, 0, 0}, {0, 0}), {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  expect(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  expect(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST(Philox, MapsWordsToTheOpenInterval) {
  EXPECT_EQ(to_uniform(0), 0x1p-24f);
  EXPECT_EQ(to_uniform(0xffffffff), 1 - 0x1p-24f);
  EXPECT_EQ(to_uniform(0x80000000), 0.5f + 0x1p-24f);
  const Uniform symmetric{-1, 1};
  EXPECT_GT(symmetric.value({{0, 0, 0, 0}}, 0), -1.0f);
  EXPECT_LT(symmetric.value({{0xffffffff, 0, 0, 0}}, 0), 1.0f);
}

TEST(Philox, NormalNumbersAreFiniteAtTheEdges) {
  for (const uint32_t first : {0u, 0xffffffffu}) {
    for (const uint32_t second : {0u, 0x40000000u, 0xffffffffu}) {
      const PhiloxBlock block{{first, second, first, second}};
      for (int lane = 0; lane < 4; ++lane) EXPECT_TRUE(std::isfinite(to_normal(block, lane)));
    }
  }
  // sqrt(-2 log 2^-24) is the largest there is.
  EXPECT_NEAR(to_normal({{0, 0, 0, 0}}, 0), std::sqrt(48 * std::log(2.0)), 1e-5);
}

TEST(PhiloxWalk, TakesTheWordsOfItsBlocksInTurn) {
  PhiloxWalk walk(7, 3, 10);
  for (uint64_t block = 10; block < 13; ++block)
    for (const uint32_t word : philox4x32_10(7, 3, block).word) EXPECT_EQ(walk.word(), word);
}

TEST(PhiloxWalk, DrawsBelowABoundEvenly) {
  PhiloxWalk walk(1, 1);
  std::vector<int> counts(6);
  constexpr int draws = 60000;
  for (int i = 0; i < draws; ++i) ++counts.at(walk.below(6));
  // Chi squared with 5 degrees of freedom exceeds 20.5 once in a thousand seeds.
  double chi_squared = 0;
  for (const int count : counts) chi_squared += std::pow(count - draws / 6.0, 2) / (draws / 6.0);
  EXPECT_LT(chi_squared, 20.5);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(walk.below(1), 0u);
}

TEST(PhiloxWalk, DrawsBelowALargeBoundEvenly) {
  // Words beyond the last whole multiple of this bound are drawn again: if they counted, half of the numbers
  // would be multiples of 3.
  PhiloxWalk walk(1, 1);
  int multiples = 0;
  constexpr int draws = 3000;
  for (int i = 0; i < draws; ++i) multiples += walk.below(3u << 30) % 3 == 0;
  EXPECT_NEAR(multiples, draws / 3, 130);  // five standard deviations
}

struct Moments {
  double mean = 0, variance = 0, skewness = 0, kurtosis = 0;
};

Moments moments_of(const Distribution& distribution, int64_t count) {
  const std::vector<double> values = values_of(random_tensor({count}, 5, DType::Float64, distribution));
  const double n = static_cast<double>(count);
  Moments m;
  for (const double v : values) m.mean += v / n;
  for (const double v : values) m.variance += std::pow(v - m.mean, 2) / n;
  for (const double v : values) {
    m.skewness += std::pow((v - m.mean) / std::sqrt(m.variance), 3) / n;
    m.kurtosis += std::pow((v - m.mean) / std::sqrt(m.variance), 4) / n;
  }
  return m;
}

constexpr int64_t kMany = 400000;  // the mean of so many is off by 1/632 standard deviations, typically

TEST(RandomStream, UniformHasItsMoments) {
  const Moments m = moments_of(Uniform{-1, 3}, kMany);
  EXPECT_NEAR(m.mean, 1, 0.01);
  EXPECT_NEAR(m.variance, 16.0 / 12, 0.01);
  EXPECT_NEAR(m.skewness, 0, 0.01);
  EXPECT_NEAR(m.kurtosis, 1.8, 0.01);
}

TEST(RandomStream, NormalHasItsMoments) {
  const Moments m = moments_of(Normal{2, 0.5}, kMany);
  EXPECT_NEAR(m.mean, 2, 0.004);
  EXPECT_NEAR(m.variance, 0.25, 0.003);
  EXPECT_NEAR(m.skewness, 0, 0.02);
  EXPECT_NEAR(m.kurtosis, 3, 0.04);
}

TEST(RandomStream, BernoulliHasItsRateAndHeight) {
  const std::vector<double> values =
      values_of(random_tensor({kMany}, 5, DType::Float64, Bernoulli{0.6, 2.5}));
  EXPECT_EQ(std::set<double>(values.begin(), values.end()), (std::set<double>{0, 2.5}));
  const auto high = std::count(values.begin(), values.end(), 2.5);
  EXPECT_NEAR(static_cast<double>(high) / kMany, 0.6, 0.004);
  EXPECT_TRUE(same(random_tensor({999}, 5, DType::Float32, Bernoulli{1, 1}), Tensor::full({999}, 1)));
  EXPECT_TRUE(same(random_tensor({999}, 5, DType::Float32, Bernoulli{0, 1}), Tensor::zeros({999})));
}

TEST(RandomStream, ElementsAreLanesOfConsecutiveBlocks) {
  const Tensor x = Tensor::empty({6});
  RandomStream stream(9, Stream::Latent);
  stream.set_position(100);
  stream.fill(x, Uniform{});
  const std::vector<float> values = x.to_vector<float>();
  for (size_t i = 0; i < 6; ++i) {
    const PhiloxBlock block = philox4x32_10(9, static_cast<uint64_t>(Stream::Latent), 100 + i / 4);
    EXPECT_EQ(values[i], to_uniform(block.word[i % 4])) << i;
  }
  EXPECT_EQ(stream.position(), 102);
}

TEST(RandomStream, GoesOnFromASavedPosition) {
  RandomStream stream(3, Stream::Latent);
  const Tensor skipped = Tensor::empty({13}), first = Tensor::empty({10}), second = Tensor::empty({10});
  stream.fill(skipped, Normal{});
  const int64_t position = stream.position();
  EXPECT_EQ(position, 4);
  stream.fill(first, Normal{});
  RandomStream other(stream.seed(), stream.stream());
  other.set_position(position);
  other.fill(second, Normal{});
  EXPECT_TRUE(same(first, second));
  EXPECT_EQ(other.position(), stream.position());
}

TEST(RandomStream, StreamsAndSeedsDiffer) {
  std::set<std::vector<float>> seen;
  for (const uint64_t seed : {0, 1, 2}) {
    for (const Stream stream : {Stream::Weights, Stream::Latent, Stream::Dropout}) {
      const Tensor x = Tensor::empty({4});
      RandomStream(seed, stream).fill(x, Uniform{});
      EXPECT_TRUE(seen.insert(x.to_vector<float>()).second);
    }
  }
}

TEST(RandomStream, FloatAndDoubleHoldTheSameNumbers) {
  for (const Distribution& distribution :
       {Distribution(Uniform{-1, 1}), Distribution(Normal{}), Distribution(Bernoulli{0.3, 1 / 0.3})}) {
    EXPECT_TRUE(same(random_tensor({1001}, 4, DType::Float32, distribution),
                     random_tensor({1001}, 4, DType::Float64, distribution)));
  }
}

TEST(RandomStream, DoesNotDependOnTheNumberOfThreads) {
  const auto draw = [](int threads) {
    const WithThreads scope(threads);
    return random_tensor({100003}, 4);
  };
  EXPECT_TRUE(same(draw(1), draw(3)));
}

TEST(RandomStream, CountsAsAChangeAndNeedsFloats) {
  const Tensor x = Tensor::empty({4});
  const uint64_t before = x.version();
  RandomStream stream(1, Stream::Check);
  stream.fill(x, Uniform{});
  EXPECT_EQ(x.version(), before + 1);
  EXPECT_EQ(error_of([&] { stream.fill(Tensor::empty({4}, DType::UInt8), Uniform{}); }),
            "arithmetic needs float32 or float64, got uint8");
}

}  // namespace
}  // namespace duel
