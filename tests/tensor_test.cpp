#include "lib/tensor.h"

#include <gtest/gtest.h>

#include <limits>

#include "lib/allocator.h"
#include "tests/files.h"
#include "tests/tensors.h"

namespace duel {
namespace {

const std::vector<float> kSix{1, 2, 3, 4, 5, 6};

TEST(Shape, KnowsItsSizes) {
  const Shape shape{2, 3, 4};
  EXPECT_EQ(shape.dims(), 3);
  EXPECT_EQ(shape.numel(), 24);
  EXPECT_EQ(shape[0], 2);
  EXPECT_EQ(shape[-1], 4);
  EXPECT_EQ(shape.str(), "(2, 3, 4)");
  EXPECT_EQ(Shape{}.numel(), 1);
  EXPECT_EQ(Shape{}.str(), "()");
  EXPECT_EQ((Shape{3, 0}).numel(), 0);
  EXPECT_NE((Shape{2, 3}), (Shape{2, 3, 1}));
}

TEST(Shape, RefusesWhatNoTensorHas) {
  EXPECT_EQ(error_of([] { Shape{1, -2}; }), "a tensor's sizes are not negative, got -2");
  EXPECT_EQ(error_of([] { Shape{1, 1, 1, 1, 1, 1, 1}; }), "a tensor has at most 6 dimensions");
  const Shape pair{2, 3};
  EXPECT_EQ(pair[-2], 2);
  EXPECT_EQ(error_of([&] { (void)pair[2]; }), "a tensor of shape (2, 3) has no dimension 2");
  EXPECT_EQ(error_of([&] { (void)pair[-3]; }), "a tensor of shape (2, 3) has no dimension -3");
  EXPECT_EQ(error_of([] { (void)Shape{}[-1]; }), "a tensor of shape () has no dimension -1");
  constexpr int64_t huge = int64_t{1} << 40;
  EXPECT_EQ(error_of([] {
              (void)Shape{huge, huge}.numel();
            }),
            "a tensor of shape (1099511627776, 1099511627776) has more elements than can be counted");
}

TEST(Tensor, RefusesMoreBytesThanThereAre) {
  constexpr int64_t half = int64_t{1} << 31;
  EXPECT_EQ(error_of([] {
              Tensor::empty({half, half});
            }),
            "a tensor of float32 and shape (2147483648, 2147483648) has more bytes than can be addressed");
  EXPECT_THROW(Tensor::empty({half, half - 1}, DType::UInt8), OutOfMemory);
}

TEST(Tensor, HoldsWhatItWasGiven) {
  const Tensor t = Tensor::from(kSix, {2, 3});
  EXPECT_TRUE(t.defined());
  EXPECT_EQ(t.shape(), (Shape{2, 3}));
  EXPECT_EQ(t.dim(-1), 3);
  EXPECT_EQ(t.bytes(), 24u);
  EXPECT_EQ(t.dtype(), DType::Float32);
  EXPECT_EQ(t.device().str(), "cpu");
  EXPECT_EQ(t.to_vector<float>(), kSix);
  EXPECT_FALSE(Tensor().defined());
  EXPECT_EQ(error_of([] { Tensor::from(kSix, {2, 2}); }), "[tensor] 6 values do not fill the shape (2, 2)");
}

TEST(Tensor, FillsAnyType) {
  EXPECT_EQ(Tensor::full({2}, 1.5).to_vector<float>(), (std::vector<float>{1.5, 1.5}));
  EXPECT_EQ(Tensor::full({2}, -1.5, DType::Float64).to_vector<double>(), (std::vector<double>{-1.5, -1.5}));
  EXPECT_EQ(Tensor::full({2}, 255, DType::UInt8).to_vector<uint8_t>(), (std::vector<uint8_t>{255, 255}));
  EXPECT_EQ(Tensor::zeros({2}, DType::Int64).to_vector<int64_t>(), (std::vector<int64_t>{0, 0}));
  EXPECT_EQ(Tensor::zeros({0, 5}).numel(), 0);
  EXPECT_EQ(Tensor::full({1}, 255.9, DType::UInt8).item(), 255);
  for (const double value : {-1.0, 256.0, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_EQ(error_of([&] { Tensor::full({1}, value, DType::UInt8); }),
              concat("[fill] uint8 has no ", value));
  EXPECT_EQ(error_of([] { Tensor::full({1}, 0x1p63, DType::Int64); }), "[fill] int64 has no 9.22337e+18");
}

TEST(Tensor, GivesItsOnlyElement) {
  EXPECT_EQ(Tensor::full({}, 2.5).item(), 2.5);
  EXPECT_EQ(Tensor::full({1, 1}, -3, DType::Float64).item(), -3);
  EXPECT_EQ(Tensor::full({1}, 200, DType::UInt8).item(), 200);
  EXPECT_EQ(Tensor::full({1}, 7, DType::Int64).item(), 7);
  EXPECT_EQ(error_of([] { Tensor::zeros({2}).item(); }),
            "[item] needs a tensor with one element, got shape (2)");
}

TEST(Tensor, SaysWhichTypeItHolds) {
  const Tensor t = Tensor::zeros({2});
  EXPECT_EQ(error_of([&] { t.data<double>(); }), "[tensor] asked for float64, the tensor holds float32");
  EXPECT_EQ(error_of([&] { t.to_vector<int64_t>(); }), "[tensor] asked for int64, the tensor holds float32");
}

TEST(Tensor, ViewsShareStorage) {
  const Tensor t = Tensor::from(kSix, {2, 3});
  const Tensor v = t.view({3, 2});
  EXPECT_EQ(v.raw(), t.raw());
  v.fill(9);
  EXPECT_EQ(t.to_vector<float>(), (std::vector<float>(6, 9)));
  EXPECT_EQ(error_of([&] { t.view({4}); }),
            "[view] shape (4) has 4 elements, the tensor of shape (2, 3) has 6");
}

TEST(Tensor, RowsAreASliceOfItsStorage) {
  const Tensor t = Tensor::from(kSix, {3, 2});
  const Tensor middle = t.rows(1, 1);
  EXPECT_EQ(middle.shape(), (Shape{1, 2}));
  EXPECT_EQ(middle.to_vector<float>(), (std::vector<float>{3, 4}));
  EXPECT_EQ(t.rows(1, 2).rows(1, 1).to_vector<float>(), (std::vector<float>{5, 6}));
  EXPECT_EQ(t.rows(1, 2).view({4}).to_vector<float>(), (std::vector<float>{3, 4, 5, 6}));
  EXPECT_EQ(t.rows(3, 0).numel(), 0);
  middle.fill(0);
  EXPECT_EQ(t.to_vector<float>(), (std::vector<float>{1, 2, 0, 0, 5, 6}));
  constexpr int64_t last = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(error_of([&] { t.rows(2, 2); }),
            "[rows] 2 + 2 is beyond the outermost dimension of shape (3, 2)");
  EXPECT_THROW(t.rows(-1, 1), Error);
  EXPECT_THROW(t.rows(1, last), Error);
  EXPECT_THROW(Tensor::zeros({}).rows(0, 1), Error);
}

TEST(Tensor, AStorageLivesAsLongAsAViewOfIt) {
  Tensor part;
  {
    const Tensor t = Tensor::from(kSix, {3, 2});
    part = t.rows(2, 1);
  }
  EXPECT_EQ(part.to_vector<float>(), (std::vector<float>{5, 6}));
}

TEST(Tensor, ClonesAndCopies) {
  const Tensor t = Tensor::from(kSix, {2, 3});
  const Tensor copy = t.clone();
  EXPECT_NE(copy.raw(), t.raw());
  EXPECT_TRUE(same(copy, t));
  copy.fill(0);
  copy.rows(1, 1).copy_from(t.rows(0, 1));
  EXPECT_EQ(copy.to_vector<float>(), (std::vector<float>{0, 0, 0, 1, 2, 3}));
  EXPECT_EQ(error_of([&] { copy.copy_from(Tensor::zeros({6})); }),
            "[copy_from] source must have shape (2, 3), got (6)");
  EXPECT_EQ(error_of([&] {
              copy.copy_from(Tensor::zeros({2, 3}, DType::Float64));
            }),
            "[copy_from] source holds float64, the target float32");
}

TEST(Tensor, ConvertsBetweenFloatingTypes) {
  const Tensor t = Tensor::from(std::vector<double>{0.1, -1e300, 3}, {3});
  const Tensor f = t.to(DType::Float32);
  EXPECT_EQ(f.to_vector<float>(), (std::vector<float>{0.1f, -std::numeric_limits<float>::infinity(), 3}));
  EXPECT_EQ(f.to(DType::Float64).to_vector<double>()[0], static_cast<double>(0.1f));
  EXPECT_EQ(t.to(DType::Float64).raw(), t.raw());
}

TEST(Tensor, ConvertsBytesAndWholeNumbersToFloatingTypes) {
  const Tensor bytes = Tensor::from(std::vector<uint8_t>{0, 7, 255}, {3, 1});
  EXPECT_EQ(bytes.to(DType::Float32).to_vector<float>(), (std::vector<float>{0, 7, 255}));
  EXPECT_EQ(bytes.to(DType::Float32).shape(), (Shape{3, 1}));
  EXPECT_EQ(bytes.to(DType::UInt8).raw(), bytes.raw());
  const Tensor numbers = Tensor::from(std::vector<int64_t>{-3, int64_t{1} << 40}, {2});
  EXPECT_EQ(numbers.to(DType::Float64).to_vector<double>(), (std::vector<double>{-3, 1099511627776.0}));
  EXPECT_EQ(error_of([&] { bytes.to(DType::Int64); }),
            "[to] goes to a floating type, not from uint8 to int64");
  EXPECT_EQ(error_of([] { Tensor::zeros({1}).to(DType::UInt8); }),
            "[to] goes from one floating type to another, not from float32 to uint8");
}

TEST(Tensor, OneThatIsNotThereSaysSo) {
  const Tensor none;
  const std::string message =
      "[tensor] there is none: it was never made, or is the gradient of a tensor to which none has come "
      "(defined() tells)";
  EXPECT_EQ(error_of([&] { (void)none.shape(); }), message);
  EXPECT_EQ(error_of([&] { (void)none.detach(); }), message);
  EXPECT_EQ(error_of([&] { (void)none.version(); }), message);
  EXPECT_EQ(error_of([&] { (void)none.node(); }), message);
  EXPECT_EQ(error_of([&] { (void)Tensor::zeros({2}).set_requires_grad(true).grad().to_vector<float>(); }),
            message);
  EXPECT_FALSE(none.requires_grad());
}

TEST(Tensor, CountsChangesInPlace) {
  const Tensor t = Tensor::from(kSix, {2, 3});
  const auto changes = [&](const auto& act) {
    const uint64_t before = t.version();
    act();
    return t.version() - before;
  };
  EXPECT_EQ(changes([&] { t.fill(1); }), 1u);
  EXPECT_EQ(changes([&] { t.upload(kSix.data()); }), 1u);
  EXPECT_EQ(changes([&] { t.rows(0, 1).fill(1); }), 1u);
  EXPECT_EQ(changes([&] { t.copy_from(t); }), 1u);
  EXPECT_EQ(changes([&] { t.clone().fill(1); }), 0u);
  EXPECT_EQ(changes([&] { (void)t.to_vector<float>(); }), 0u);
}

TEST(Tensor, RefusesADeviceThatIsNotThere) {
  EXPECT_THROW(Tensor::zeros({1}, DType::Float32, {Device::Kind::Cuda, 99}), Error);
}

}  // namespace
}  // namespace duel
