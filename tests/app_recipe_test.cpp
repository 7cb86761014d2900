// --recipe as its users meet it, and a whole run of anime64's settings.
#include "apps/gan/json.h"
#include "lib/io/safetensors.h"
#include "tests/dcgan_program.h"

namespace duel {
namespace {

/// anime64 as small as it can be: three batches an epoch.
Words tiny_anime(const Words& more) {
  return Words{"train", "--recipe",    "anime64", "--g-dim",        "1", "--d-dim",
               "2",     "--z-dim",     "4",       "--batch-size",   "4", "--synthetic-count",
               "12",    "--log-every", "1",       "--sample-count", "4", "--threads",
               "1"} +
         more;
}

TEST(AppRecipe, InfoPrintsWhatRecipeReads) {
  const Program dcgan;
  for (const char* name : {"celeba32", "anime64", "dcgan64"}) {
    const std::string text = dcgan.good({"info", "--recipe", name, "--json"});
    dcgan.folder().write("copy.json", text);
    EXPECT_EQ(text, dcgan.good({"info", "--recipe", "copy.json", "--json"})) << name;
  }
  const Words small{"--g-dim", "2", "--d-dim", "2", "--batch-size", "2"};
  const std::string networks = dcgan.good(Words{"info", "--recipe", "anime64"} + small);
  EXPECT_TRUE(contains(networks, "Conv2d(4, 3, kernel_size=(7, 7), stride=(1, 1), padding=(3, 3))"))
      << networks;
  EXPECT_TRUE(contains(networks, "Dropout(p=0.4, inplace=False)")) << networks;
  for (const char* line :
       {"anime64\npictures: 64x64x3, the central square of each, in sequence\n",
        "z: 64 numbers from N(0, 1)\n", "first weights: glorot_uniform\n",
        "optimizer_D: RMSprop(lr=0.0008, alpha=0.9, eps=1e-07, clip_value=1, decay=1e-08)\n",
        "loss: bce_with_logits, labels: real 0, fake 1, each + 0.05 * U(0, 1) for D\n",
        "length: 30000 steps, batch size 2; kept after 20000, 30000\n"})
    EXPECT_TRUE(contains(networks, line)) << networks;
  EXPECT_TRUE(
      contains(dcgan.good({"info"}), "optimizer_G: Adam(lr=0.0002, betas=(0.5, 0.999), eps=1e-08)\n"));
  dcgan.bad({"info", "--schema", "--json"}, "--json has no effect with --schema; leave one of them out");
}

TEST(AppRecipe, OptionsOverrideTheRecipeWhereverTheyStand) {
  const Program dcgan;
  const Words changed{"--z-dim", "5", "--dropout", "0.25", "--g-dim", "2", "--d-dim", "2"};
  const Words recipe{"--recipe", "anime64", "--json"};
  const std::string text = dcgan.good(Words{"info"} + changed + recipe);
  EXPECT_EQ(text, dcgan.good(Words{"info"} + recipe + changed));
  EXPECT_TRUE(contains(text, "\"z_dim\": 5")) << text;
  EXPECT_TRUE(contains(text, "\"dropout\": 0.25")) << text;
  EXPECT_TRUE(contains(text, "\"negative_slope\": 0.3")) << text;

  dcgan.good(tiny_anime({"--steps",   "0",
                         "--epochs",  "0",
                         "--output",  "run",
                         "--lr",      "0.5",
                         "--lr-d",    "0.25",
                         "--shuffle", "--clip-value",
                         "2",         "--label-noise",
                         "0.125",     "--latent",
                         "uniform",   "--dropout",
                         "0.25",      "--init-distribution",
                         "normal"}));
  const std::string config = dcgan.text("run/config.json");
  for (const char* part : {"\"optimizer_G\": {\"type\": \"RMSprop\", \"lr\": 0.5",
                           "\"optimizer_D\": {\"type\": \"RMSprop\", \"lr\": 0.25", "\"clip_value\": 2.0",
                           "\"noise\": 0.125", "\"shuffle\": true", "\"distribution\": \"uniform\"",
                           "\"dropout\": 0.25", "\"distribution\": \"normal\""})
    EXPECT_TRUE(contains(config, part)) << part << " is not in " << config;
}

TEST(AppRecipe, EachOptionSetsItsOwnKey) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs",
                         "0",
                         "--lr-g",
                         "0.001",
                         "--lr-d",
                         "0.002",
                         "--betas",
                         "0.25,0.75",
                         "--eps",
                         "0.003",
                         "--label-real",
                         "0.9",
                         "--label-fake",
                         "0.1",
                         "--label-noise",
                         "0.05",
                         "--init-std",
                         "0.04",
                         "--bn-init-std",
                         "0.06",
                         "--bn-eps",
                         "0.07",
                         "--bn-momentum",
                         "0.08",
                         "--negative-slope",
                         "0.11",
                         "--hflip",
                         "--seed",
                         "13",
                         "--sample-count",
                         "4",
                         "--keep-at",
                         "3",
                         "--output",
                         "run"}));
  const gan::Json config = gan::parse_json(dcgan.text("run/config.json"), "config.json");
  const std::pair<const char*, gan::Json> expected[] = {{"/optimizer_G/lr", 0.001},
                                                        {"/optimizer_D/lr", 0.002},
                                                        {"/optimizer_G/betas", {0.25, 0.75}},
                                                        {"/optimizer_D/betas", {0.25, 0.75}},
                                                        {"/optimizer_G/eps", 0.003},
                                                        {"/labels/real", 0.9},
                                                        {"/labels/fake", 0.1},
                                                        {"/labels/noise", 0.05},
                                                        {"/weights/std", 0.04},
                                                        {"/weights/bn_std", 0.06},
                                                        {"/networks/bn_eps", 0.07},
                                                        {"/networks/bn_momentum", 0.08},
                                                        {"/networks/negative_slope", 0.11},
                                                        {"/data/hflip", true},
                                                        {"/run/seed", 13},
                                                        {"/run/sample_count", 4},
                                                        {"/schedule/keep_at", {3}}};
  for (const auto& [key, value] : expected) EXPECT_EQ(config.at(gan::Json::json_pointer(key)), value) << key;
}

// --epochs alone is the length of the run, also where the recipe counts in steps.
TEST(AppRecipe, EpochsOverrideTheRecipesSteps) {
  const Program dcgan;
  const std::string out = dcgan.good(tiny_anime({"--epochs", "1", "--output", "run"}));
  EXPECT_TRUE(contains(out, "finished 1 epoch")) << out;
}

TEST(AppRecipe, OneStepIsCountedAsOne) {
  const Program dcgan;
  const std::string out = dcgan.good(tiny_anime({"--steps", "1", "--output", "run"}));
  EXPECT_TRUE(contains(out, "1 iteration to go") && contains(out, "finished 1 step;")) << out;
}

// An option of one type of optimiser goes to those that are of it.
TEST(AppRecipe, OptionsReachTheOptimiserThatHasThem) {
  const Program dcgan;
  dcgan.folder().write("mixed.json",
                       R"({"optimizer_G": {"type": "Adam"}, "optimizer_D": {"type": "RMSprop"}})");
  dcgan.good(tiny_train({"--recipe", "mixed.json", "--epochs", "0", "--betas", "0.25,0.75", "--alpha",
                         "0.875", "--clip-value", "2", "--output", "run"}));
  const gan::Json config = gan::parse_json(dcgan.text("run/config.json"), "config.json");
  EXPECT_EQ(config.at("optimizer_G").at("betas"), gan::Json({0.25, 0.75}));
  EXPECT_EQ(config.at("optimizer_D").at("alpha"), 0.875);
  EXPECT_EQ(config.at("optimizer_D").at("clip_value"), 2);
}

TEST(AppRecipe, ABadOneIsNamedInOneLine) {
  const Program dcgan;
  dcgan.bad({"train", "--recipe", "cats"}, "there is no recipe and no file 'cats'; --recipe takes: celeba32");
  dcgan.folder().write("broken.json", "{\"data\": ");
  dcgan.bad({"info", "--recipe", "broken.json"}, "broken.json: is no JSON");
  dcgan.folder().write("key.json", R"({"schedule": {"epoch": 3}})");
  dcgan.bad({"train", "--recipe", "key.json"},
            "key.json: the configuration has an unknown entry 'schedule.epoch'");
  dcgan.folder().write("shape.json",
                       R"({"discriminator": [{"type": "Flatten"}, {"type": "Linear", "in_features": 3000,
      "out_features": 1}], "run": {}})");
  dcgan.bad({"train", "--recipe", "shape.json"},
            "discriminator[1].in_features is 3000, but the layer gets 3072");
  dcgan.bad({"train", "--recipe", "dcgan64", "--image-size", "32"},
            "generator[1], the last layer, must give 3 x 32 x 32, but gives 3 x 64 x 64 (recipe dcgan64)");
  dcgan.folder().write("crop.json", R"({"data": {"crop": 8}})");
  dcgan.bad(
      {"train", "--recipe", "crop.json"},
      "recipe crop crops its pictures to 8 pixels, and the synthetic set is drawn at its size: give the "
      "pictures by --data, or --crop 0");
  EXPECT_FALSE(dcgan.exists("runs"));
}

TEST(AppRecipe, AnimeEndsAndKeepsModelsAtSteps) {
  const Program dcgan;
  const std::string out = dcgan.good(tiny_anime({"--steps", "5", "--keep-at", "2,3", "--output", "run"}));
  EXPECT_TRUE(contains(out, "5 iterations to go")) << out;
  EXPECT_TRUE(contains(out, "finished 5 steps")) << out;
  EXPECT_EQ(dcgan.names("run/checkpoints"), (Words{"epoch-0001.safetensors", "latest.safetensors",
                                                   "step-000002.safetensors", "step-000003.safetensors"}));
  EXPECT_EQ(dcgan.names("run/samples"),
            (Words{"epoch-0001.png", "step-000002.png", "step-000003.png", "step-000005.png"}));
  EXPECT_EQ(dcgan.lines("run/metrics.csv").size(), 6u);
  const SafetensorsFile latest = read_safetensors(dcgan / "run/checkpoints/latest.safetensors");
  EXPECT_EQ(latest.metadata.at("epoch") + " " + latest.metadata.at("batch"), "1 2");
  EXPECT_TRUE(
      contains(dcgan.good({"info", "--checkpoint", "run/checkpoints/step-000002.safetensors"}), "Dropout"));
  const std::vector<float> kept = read_safetensors(dcgan / "run/checkpoints/step-000003.safetensors")
                                      .at("G.fc.0.weight")
                                      .to_vector<float>();
  EXPECT_EQ(kept, read_safetensors(dcgan / "run/checkpoints/epoch-0001.safetensors")
                      .at("G.fc.0.weight")
                      .to_vector<float>());
  EXPECT_NE(kept, latest.at("G.fc.0.weight").to_vector<float>());
}

TEST(AppRecipe, AnimeResumesExactly) {
  const Program dcgan;
  dcgan.good(tiny_anime({"--steps", "7", "--output", "whole"}));
  dcgan.good(tiny_anime({"--steps", "2", "--output", "run"}));
  for (const char* steps : {"4", "7"})  // from within an epoch, twice
    dcgan.good({"train", "--resume", "run", "--steps", steps, "--threads", "1"});
  for (const char* file : {"networks.safetensors", "checkpoints/latest.safetensors", "config.json"})
    EXPECT_TRUE(dcgan.bytes(concat("whole/", file)) == dcgan.bytes(concat("run/", file))) << file;
  EXPECT_EQ(dcgan.metrics("whole"), dcgan.metrics("run"));
  dcgan.bad({"train", "--resume", "run", "--steps", "6"}, "--steps 6 is fewer than the 7");
}

TEST(AppRecipe, DrawsNormalLatentsAsAsked) {
  const Program dcgan;
  dcgan.good(tiny_anime({"--steps", "1", "--output", "run"}));
  const auto drawn = [&](const Words& more) {
    dcgan.good(
        Words{"sample", "--checkpoint", "run", "--count", "50", "--save-z", "z.safetensors", "--force"} +
        more);
    return read_safetensors(dcgan / "z.safetensors").at("z").to_vector<float>();
  };
  const std::vector<float> standard = drawn({}), moved = drawn({"--mean", "0.5", "--std", "0.25"});
  for (size_t i = 0; i < standard.size(); ++i) ASSERT_FLOAT_EQ(moved[i], 0.5f + 0.25f * standard[i]);
  const std::vector<float> cut = drawn({"--truncation", "0.75"});
  size_t kept = 0;
  for (size_t i = 0; i < cut.size(); ++i) {
    ASSERT_LE(std::abs(cut[i]), 0.75f);
    kept += cut[i] == standard[i];
  }
  EXPECT_GT(kept, cut.size() / 3);
  EXPECT_LT(kept, cut.size() * 2 / 3);
}

}  // namespace
}  // namespace duel
