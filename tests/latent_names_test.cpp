// Names of faces, and their files.
#include <limits>

#include "apps/latent/names.h"
#include "lib/io/safetensors.h"
#include "tests/files.h"

namespace duel::latent {
namespace {

TEST(LatentNames, LettersCountLikeColumnsOfATable) {
  EXPECT_EQ(letters(0), "A");
  EXPECT_EQ(letters(25), "Z");
  EXPECT_EQ(letters(26), "AA");
  EXPECT_EQ(letters(51), "AZ");
  EXPECT_EQ(letters(52), "BA");
  EXPECT_EQ(letters(701), "ZZ");
  EXPECT_EQ(letters(702), "AAA");
}

TEST(LatentNames, AFileHoldsWhatWasWritten) {
  const TemporaryFolder folder;
  Names names(2);
  names.set("smile", {0.25f, -1});
  names.set("A", {1, 2});
  names.set("smile", {0.5f, 3});
  names.write(folder / "names.safetensors", {"run/latest.safetensors", "0123456789abcdef"});
  const Names read = Names::read(folder / "names.safetensors", 2);
  EXPECT_EQ(read.entries(), names.entries());
  ASSERT_EQ(read.entries().size(), 2u);
  EXPECT_EQ(*read.find("smile"), (Latent{0.5f, 3}));
  EXPECT_EQ(read.find("B"), nullptr);
  EXPECT_EQ(read_safetensors(folder / "names.safetensors").metadata.at("checkpoint"),
            "run/latest.safetensors");
  EXPECT_EQ(read.origin().checkpoint, "run/latest.safetensors");
  EXPECT_EQ(read.origin().fingerprint, "0123456789abcdef");
}

TEST(LatentNames, ANameIsWhatAnExpressionCanRead) {
  Names names(1);
  for (const char* good : {"A", "_", "smile_2", "Abs"}) EXPECT_NO_THROW(names.set(good, {0})) << good;
  for (const char* bad : {"", "2A", "a b", "a-b", "\xc3\xa9"})
    EXPECT_TRUE(contains(error_of([&] { names.set(bad, {0}); }), "cannot be a name: a name is a letter"))
        << bad;
  EXPECT_TRUE(contains(error_of([&] { names.set("norm", {0}); }), "is a function"));
  EXPECT_EQ(error_of([&] { names.set("B", {std::numeric_limits<float>::infinity()}); }),
            "B holds numbers that are not finite");
  EXPECT_EQ(names.find("B"), nullptr);
}

TEST(LatentNames, MergingRefusesAContradiction) {
  Names a(1), b(1), c(1);
  a.set("A", {1});
  b.set("A", {1});
  b.set("B", {2});
  c.set("A", {3});
  a.merge(b);
  EXPECT_EQ(a.entries().size(), 2u);
  EXPECT_TRUE(contains(error_of([&] { a.merge(c); }), "the name A stands for different faces"));
}

TEST(LatentNames, WhatIsNoFileOfNamesIsRefused) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "names.safetensors";
  const auto error = [&](int64_t z_dim) { return error_of([&] { Names::read(path, z_dim); }); };
  const std::map<std::string, std::string> format{{"format", "duel names 1"}};
  write_safetensors(path, {{"z", Tensor::zeros({3})}});
  EXPECT_TRUE(contains(error(3), "is no file of names"));
  write_safetensors(path, {{"A", Tensor::zeros({3})}}, format);
  EXPECT_TRUE(contains(error(4), "A has 3 components, this checkpoint's latents have 4")) << error(4);
  write_safetensors(path, {{"A", Tensor::zeros({3, 1})}}, format);
  EXPECT_TRUE(contains(error(3), "A is no latent")) << error(3);
  write_safetensors(path, {{std::string(100'000, 'n'), Tensor::zeros({2})}}, format);
  EXPECT_LT(error(3).size(), 400u);
  write_safetensors(path, {{"norm", Tensor::zeros({3})}}, format);
  EXPECT_TRUE(contains(error(3), "names.safetensors: 'norm' cannot be a name")) << error(3);
  write_safetensors(path, {{"A", Tensor::full({3}, std::numeric_limits<double>::quiet_NaN())}}, format);
  EXPECT_TRUE(contains(error(3), "A holds numbers that are not finite"));
}

}  // namespace
}  // namespace duel::latent
