// dcgan sample: pictures follow from the checkpoint and the latents alone.
#include <sys/stat.h>

#include <cmath>
#include <limits>

#include "lib/io/image.h"
#include "lib/io/safetensors.h"
#include "tests/dcgan_program.h"

namespace duel {
namespace {

class AppSample : public testing::Test {
 protected:
  void SetUp() override { dcgan_.good(tiny_train({"--epochs", "1", "--output", "run"})); }

  /// Draws into `name`.png; returns its bytes.
  std::vector<uint8_t> draw(const std::string& name, const Words& more = {}) const {
    dcgan_.good(Words{"sample", "--checkpoint", "run", "--output", name + ".png", "--plain", "--force",
                      "--threads", "1"} +
                more);
    return dcgan_.bytes(name + ".png");
  }

  Program dcgan_;
};

TEST_F(AppSample, FollowsFromCheckpointAndSeed) {
  const auto first = draw("a", {"--count", "5", "--seed", "3"});
  EXPECT_EQ(first, draw("b", {"--count", "5", "--seed", "3"}));
  EXPECT_NE(first, draw("c", {"--count", "5", "--seed", "4"}));
  for (const char* file : {"run/networks.safetensors", "run/checkpoints/epoch-0001.safetensors"}) {
    dcgan_.good({"sample", "--checkpoint", file, "--count", "5", "--seed", "3", "--output", "d.png",
                 "--plain", "--force"});
    EXPECT_EQ(first, dcgan_.bytes("d.png")) << file;
  }
}

TEST_F(AppSample, SavedLatentsGiveTheSamePictures) {
  const auto drawn = draw("a", {"--count", "5", "--seed", "9", "--save-z", "z.safetensors"});
  EXPECT_EQ(read_safetensors(dcgan_ / "z.safetensors").at("z").shape(), (Shape{5, 8}));
  EXPECT_EQ(drawn, draw("b", {"--z", "z.safetensors"}));
}

TEST_F(AppSample, BatchSizeDoesNotChangeAPicture) {
  const auto numbers = [&](const std::string& batch) {
    draw("a", {"--count", "67", "--batch-size", batch, "--save-images", "images.safetensors"});
    return read_safetensors(dcgan_ / "images.safetensors").at("images").to_vector<float>();
  };
  const auto one_at_a_time = numbers("1");
  for (const char* batch : {"2", "7", "64", "100"}) EXPECT_EQ(one_at_a_time, numbers(batch)) << batch;
}

TEST_F(AppSample, WritesGridSinglesAndNumbers) {
  draw("a", {"--count", "10", "--columns", "5", "--singles", "all/of/them", "--save-images",
             "images.safetensors"});
  const Image grid = load_image(dcgan_ / "a.png");
  EXPECT_EQ(grid.width, 5 * 34 + 2);
  EXPECT_EQ(grid.height, 2 * 34 + 2);
  const Words singles = dcgan_.names("all/of/them");
  ASSERT_EQ(singles.size(), 10u);
  EXPECT_EQ(singles.front(), "sample-01.png");
  const Image second = load_image(dcgan_ / "all/of/them/sample-02.png");
  EXPECT_EQ(second.width, 32);
  EXPECT_EQ(second.pixels[0], grid.pixels[static_cast<size_t>((2 * grid.width + 36) * 3)]);

  const Tensor images = read_safetensors(dcgan_ / "images.safetensors").at("images");
  EXPECT_EQ(images.shape(), (Shape{10, 3, 32, 32}));
  const auto values = images.to_vector<float>();
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  EXPECT_GE(*least, -1);
  EXPECT_LE(*most, 1);
  EXPECT_LT(*least, *most);
  for (size_t c = 0; c < 3; ++c)
    for (size_t y = 0; y < 32; ++y)
      for (size_t x = 0; x < 32; ++x)
        ASSERT_EQ(second.pixels[(y * 32 + x) * 3 + c],
                  std::lround((values[((3 + c) * 32 + y) * 32 + x] + 1) * 127.5f))
            << c << ", " << y << ", " << x;
}

TEST_F(AppSample, LettersTheGridAndSavesTheLatentsByThem) {
  const Words sample{"sample", "--checkpoint", "run", "--count", "28", "--save-z", "z.safetensors"};
  dcgan_.good(sample + Words{"--columns", "7"});
  const Image grid = load_image(dcgan_ / "samples.png");
  EXPECT_GT(grid.height, 4 * 34 + 2) << "there is no room for letters";
  const SafetensorsFile names = read_safetensors(dcgan_ / "samples.safetensors");
  ASSERT_EQ(names.tensors.size(), 28u);
  EXPECT_EQ(names.metadata.at("checkpoint"), "run/checkpoints/latest.safetensors");
  const Tensor z = read_safetensors(dcgan_ / "z.safetensors").at("z");
  for (const auto& [name, row] : {std::pair{"A", 0}, {"B", 1}, {"Z", 25}, {"AA", 26}, {"AB", 27}})
    EXPECT_EQ(names.at(name).to_vector<float>(), z.rows(row, 1).to_vector<float>()) << name;
  dcgan_.good(
      {"sample", "--checkpoint", "run", "--count", "2", "--output", "a.png", "--names", "b.safetensors"});
  EXPECT_EQ(read_safetensors(dcgan_ / "b.safetensors").tensors.size(), 2u);
  EXPECT_FALSE(dcgan_.exists("a.safetensors"));
}

TEST_F(AppSample, RefusesAGridThatIsTooLargeBeforeItDraws) {
  const Words sample{"sample", "--checkpoint", "run", "--count", "1000000", "--save-z", "many.safetensors"};
  for (const Words& more : {Words{}, Words{"--plain"}, Words{"--zoom", "2"}})
    EXPECT_TRUE(contains(dcgan_.bad(sample + more, "a grid of 1000000 pictures of "),
                         "; take fewer; --singles needs no grid\n"));
  EXPECT_FALSE(dcgan_.exists("many.safetensors"));
  const auto refused = [&](const Words& more) {
    return dcgan_.bad(Words{"sample", "--checkpoint", "run"} + more, "a grid of ");
  };
  EXPECT_TRUE(contains(refused({"--count", "4096"}),  // of 128 x 128, beside which the letters have no room
                       "; take fewer, or give --zoom 3 or --plain; --singles needs no grid\n"));
  EXPECT_TRUE(contains(refused({"--count", "50000"}), "; take fewer, or give --plain;"));
  EXPECT_TRUE(contains(refused({"--count", "60000", "--plain"}), "; take fewer; --singles"));
  for (const char* other : {"--singles", "--save-images"})  // the letters of the names are on the grid
    EXPECT_TRUE(contains(refused({"--count", "5000", "--names", "names", other, "others"}),
                         "; take fewer, or give --zoom 3\n"));
}

TEST_F(AppSample, DoesWithoutAGridThatIsTooLargeWherePicturesAreWrittenOtherwise) {
  dcgan_.folder().write("samples.png", "is not touched");
  const Words sample{"sample", "--checkpoint", "run", "--count", "80", "--zoom", "32"};
  const std::string out = dcgan_.good(sample + Words{"--singles", "s", "--save-images", "i"});
  EXPECT_TRUE(contains(out,
                       "80 pictures from run/checkpoints/latest.safetensors are in s and i; there is no "
                       "grid, as one of so many would be larger than the 67108864 pixels"))
      << out;
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 1) << out;
  EXPECT_EQ(dcgan_.names("s").size(), 80u);
  EXPECT_EQ(read_safetensors(dcgan_ / "i").at("images").dim(0), 80);
  EXPECT_EQ(dcgan_.text("samples.png"), "is not touched");
  EXPECT_FALSE(dcgan_.exists("samples.safetensors"));
  dcgan_.good(sample + Words{"--save-images", "j"});
  EXPECT_FALSE(dcgan_.exists("samples.safetensors"));
  // One that fits is drawn, and replaces no other.
  dcgan_.bad({"sample", "--checkpoint", "run", "--count", "2", "--singles", "t"},
             "samples.png is already there; --force overwrites it");
  EXPECT_FALSE(dcgan_.exists("t"));
}

TEST_F(AppSample, SinglesTakeThePlaceOfEarlierOnes) {
  draw("a", {"--count", "10", "--singles", "s"});
  for (const char* other : {"s/sample-x.png", "s/sample-.png", "s/sample-1.jpg", "s/mine.png"})
    dcgan_.folder().write(other, "");
  dcgan_.folder().write("s/sample-77.png/file", "");
  std::filesystem::create_symlink("nowhere", dcgan_ / "s/sample-088.png");
  const std::string out =
      dcgan_.good({"sample", "--checkpoint", "run", "--count", "3", "--singles", "s", "--force"});
  EXPECT_TRUE(contains(out, "\n11 earlier pictures are gone from s\n")) << out;
  EXPECT_EQ(dcgan_.names("s"), (Words{"mine.png", "sample-.png", "sample-1.jpg", "sample-1.png",
                                      "sample-2.png", "sample-3.png", "sample-77.png", "sample-x.png"}));
  draw("a", {"--count", "2", "--singles", "s"});
  EXPECT_FALSE(dcgan_.exists("s/sample-3.png"));
}

TEST_F(AppSample, EnlargesTheGridForPeople) {
  const auto size = [&](const Words& more) {
    dcgan_.good(Words{"sample", "--checkpoint", "run", "--count", "1", "--force"} + more);
    return load_image(dcgan_ / "samples.png").width;
  };
  EXPECT_GE(size({}), 128);
  EXPECT_LT(size({"--zoom", "1"}), 64);
  EXPECT_EQ(size({"--plain"}), 32 + 4);
  dcgan_.bad({"sample", "--checkpoint", "run", "--plain", "--zoom", "2", "--force"},
             "--zoom cannot be given with --plain");
}

TEST_F(AppSample, DrawsFromAnotherDistributionThanInTraining) {
  const auto latents = [&](const Words& more) {
    draw("a", Words{"--count", "250", "--save-z", "z.safetensors"} + more);
    return read_safetensors(dcgan_ / "z.safetensors").at("z").to_vector<float>();
  };
  const auto beyond = [](const std::vector<float>& z, float bound) {
    return std::count_if(z.begin(), z.end(), [bound](float x) { return std::fabs(x) > bound; });
  };
  const auto trained_on = latents({}), normal = latents({"--std", "1"});
  EXPECT_EQ(beyond(trained_on, 1), 0);
  EXPECT_NEAR(static_cast<double>(beyond(normal, 1)) / 2000, 0.3173, 0.03);
  const auto moved = latents({"--mean", "-0.3", "--std", "0.4"});
  for (size_t i = 0; i < moved.size(); ++i) ASSERT_NEAR(moved[i], -0.3 + 0.4 * normal[i], 1e-6);
  EXPECT_EQ(latents({"--mean", "0"}), normal);
  const auto cut = latents({"--truncation", "0.5"});
  EXPECT_EQ(beyond(cut, 0.5f), 0);
  EXPECT_NEAR(static_cast<double>(beyond(cut, 0.25f)) / 2000, 0.5, 0.05);
  for (const char* bad : {"0.001", "-1", "x"})
    dcgan_.bad({"sample", "--checkpoint", "run", "--truncation", bad, "--force"}, "--truncation");
  dcgan_.bad({"sample", "--checkpoint", "run", "--std", "-1", "--force"}, "--std");
  dcgan_.bad({"sample", "--checkpoint", "run", "--z", "z.safetensors", "--std", "1", "--force"},
             "cannot be given with");
}

TEST_F(AppSample, OverwritesNothingUnlessForced) {
  dcgan_.folder().write("a.png", "");
  dcgan_.folder().write("b.safetensors", "");
  dcgan_.folder().write("c/sample-1.png", "");
  const Words sample{"sample", "--checkpoint", "run", "--count", "2"};
  for (const Words& words :
       std::vector<Words>{{"--output", "a.png", "a.png is already there"},
                          {"--output", "b.png", "b.safetensors is already there"},
                          {"--names", "b.safetensors", "b.safetensors is already there"},
                          {"--save-z", "b.safetensors", "b.safetensors is already there"},
                          {"--save-images", "b.safetensors", "b.safetensors is"},
                          {"--singles", "c", "c is already there; --force overwrites it"}})
    dcgan_.bad(sample + Words{words[0], words[1]}, words[2]);
  EXPECT_FALSE(dcgan_.exists("samples.png"));
  EXPECT_TRUE(dcgan_.bytes("a.png").empty());
  dcgan_.good(sample + Words{"--output", "a.png", "--singles", "c", "--force"});
  EXPECT_FALSE(dcgan_.bytes("a.png").empty());
}

TEST_F(AppSample, EachOutputHasAFileOfItsOwnAndAFolder) {
  dcgan_.folder().write("file", "");
  for (const Words& words : std::vector<Words>{
           {"--output and --save-z would be one file", "--output", "a.png", "--save-z", "./a.png"},
           {"the latents beside --output and --save-z would be one file, a.safetensors", "--output", "a.png",
            "--save-z", "a.safetensors"},
           {"--save-z and --save-images would be one file", "--save-z", "a", "--save-images", "a"},
           {"--output and --names would be one file", "--output", "a.png", "--names", "run/../a.png"},
           {"the latents beside --output and --checkpoint would be one file", "--output", "run/networks.png",
            "--force"},
           {"--save-images and --z would be one file, z", "--z", "z", "--save-images", "z", "--force"},
           {"--output: nodir/a.png cannot be written, as there is no folder nodir; make it first", "--output",
            "nodir/a.png"},
           {"--save-z: nodir/z cannot be written", "--save-z", "nodir/z"},
           {"--singles: file is no folder", "--singles", "file", "--force"},
           {"--output: run is a folder", "--output", "run", "--force"},
           {"--output: a.jpeg would be no .jpeg", "--output", "a.jpeg"}})
    dcgan_.bad(
        Words{"sample", "--checkpoint", "run/networks.safetensors"} + Words(words.begin() + 1, words.end()),
        words[0]);
  EXPECT_FALSE(dcgan_.exists("samples.png"));
  // A pipe, a terminal or a device would be replaced by a file.
  ASSERT_EQ(::mkfifo((dcgan_ / "pipe.png").c_str(), 0600), 0);
  dcgan_.bad({"sample", "--checkpoint", "run", "--output", "pipe.png", "--force"}, "is no ordinary file");
  EXPECT_TRUE(std::filesystem::is_fifo(dcgan_ / "pipe.png"));
}

TEST_F(AppSample, NamesWhatIsWrongWithLatents) {
  const Words sample{"sample", "--checkpoint", "run", "--z", "z.safetensors"};
  dcgan_.bad(sample, "z.safetensors");
  const std::filesystem::path path = dcgan_ / "z.safetensors";
  write_safetensors(path, {{"z", Tensor::zeros({4, 9})}});
  dcgan_.bad(sample, "z must be float32 of shape (count, 8)");
  write_safetensors(path, {{"z", Tensor::zeros({4, 8}, DType::Float64)}});
  dcgan_.bad(sample, "got float64");
  const Tensor endless = Tensor::zeros({4, 8});
  endless.rows(2, 1).fill(std::numeric_limits<double>::infinity());
  write_safetensors(path, {{"z", endless}});
  dcgan_.bad(sample, "z.safetensors: z holds numbers that are not finite");
  write_safetensors(path, {{"latent", Tensor::zeros({4, 8})}});
  dcgan_.bad(sample, "z.safetensors has no tensor \"z\"");
  dcgan_.folder().write("z.safetensors", "no tensors");
  dcgan_.bad(sample, "z.safetensors");
  EXPECT_FALSE(dcgan_.exists("samples.png"));
}

TEST_F(AppSample, AGridHasNoMoreColumnsThanPictures) {
  dcgan_.good({"sample", "--checkpoint", "run", "--count", "3", "--plain", "--columns", "1000000"});
  EXPECT_EQ(load_image(dcgan_ / "samples.png").width, 3 * 34 + 2);
  dcgan_.bad({"sample", "--checkpoint", "run", "--plain", "--columns", "542551296285575048"},
             "--columns: must be a whole number of at most 1000000");
}

TEST_F(AppSample, NamesWhatIsWrongWithTheCheckpoint) {
  const auto sample = [](const std::string& path) { return Words{"sample", "--checkpoint", path}; };
  dcgan_.bad(sample("nowhere"), "nowhere: there is no such file or run folder");
  dcgan_.bad(sample("run/samples"), "run/samples: holds no checkpoint");
  dcgan_.bad(sample("run/reals.png"), "run/reals.png");
  auto bytes = dcgan_.bytes("run/networks.safetensors");
  bytes.resize(bytes.size() / 2);
  dcgan_.folder().write("half.safetensors", bytes);
  dcgan_.bad(sample("half.safetensors"), "half.safetensors");
  write_safetensors(dcgan_ / "other.safetensors", {{"x", Tensor::zeros({1})}});
  dcgan_.bad(sample("other.safetensors"), "is not a checkpoint of dcgan");
  dcgan_.bad(sample("run") + Words{"--output", "run/reals.png/a.png"}, "run/reals.png/a.png");
}

}  // namespace
}  // namespace duel
