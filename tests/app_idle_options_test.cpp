// Options that would do nothing beside the others are refused, and their neighbours, which do something,
// taken.
#include "tests/dcgan_program.h"

namespace duel {
namespace {

class AppIdleOptions : public testing::Test {
 protected:
  void SetUp() override {
    dcgan_.good(tiny_train({"--epochs", "1", "--output", "run"}));
    dcgan_.good({"sample", "--checkpoint", "run", "--count", "3"});
    for (int i = 0; i < 12; ++i)
      dcgan_.folder().write(concat("data/", i, ".png"), read_file(fixture("resize_16.png")));
    dcgan_.folder().write("bare.json", R"({"latent": {"z_dim": 4}, "generator": [
        {"type": "Linear", "out_features": "3 * image_size^2"}, {"type": "Unflatten", "unflattened_size":
        ["channels", "image_size", "image_size"]}, {"type": "Tanh"}], "discriminator": [{"type": "Flatten"},
        {"name": "d_dim", "type": "Linear", "out_features": 1}]})");
  }
  /// `words` for the run.
  static Words of_run(const Words& words) { return words + Words{"--checkpoint", "run"}; }
  static Words latent(const Words& words) { return of_run(Words{"latent"} + words); }

  Program dcgan_;
};

TEST_F(AppIdleOptions, AreRefusedWithWhatMakesThemSo) {
  struct Case {
    Words words;
    std::string option, other;
  };
  const Words resume{"train", "--resume", "run", "--epochs", "2"};
  const Case cases[] = {
      {{"train", "--dropout", "0.3"}, "--dropout", "--recipe celeba32"},
      {{"train", "--recipe", "anime64", "--bn-eps", "1e-3"}, "--bn-eps", "--recipe anime64"},
      {{"train", "--recipe", "anime64", "--bn-momentum", "0.2"}, "--bn-momentum", "--recipe anime64"},
      {{"train", "--recipe", "bare.json", "--g-dim", "8"}, "--g-dim", "--recipe bare"},
      {{"train", "--recipe", "bare.json", "--d-dim", "8"}, "--d-dim", "--recipe bare"},
      {{"train", "--recipe", "bare.json", "--negative-slope", "0.5"}, "--negative-slope", "--recipe bare"},
      {{"train", "--recipe", "bare.json", "--bn-init-std", "0.5"}, "--bn-init-std", "--recipe bare"},
      {{"train", "--steps", "3", "--epochs", "2"}, "--epochs", "--steps"},
      {{"train", "--data", "data", "--synthetic-count", "9"}, "--synthetic-count", "--data data"},
      {{"train", "--crop", "4"}, "--crop", "--data synthetic"},
      {{"train", "--lr", "1", "--lr-g", "2", "--lr-d", "3"}, "--lr", "--lr-g and --lr-d"},
      {{"train", "--recipe", "anime64", "--init-std", "1"},
       "--init-std",
       "--init-distribution glorot_uniform"},
      {{"train", "--init-distribution", "glorot_uniform", "--bn-init-std", "1"},
       "--bn-init-std",
       "--init-distribution glorot_uniform"},
      {{"train", "--init", "run", "--init-distribution", "normal"}, "--init-distribution", "--init;"},
      {{"train", "--init", "run", "--init-std", "1"}, "--init-std", "--init;"},
      {{"train", "--init", "run", "--bn-init-std", "1"}, "--bn-init-std", "--init;"},
      {{"train", "--init", "run", "--resume", "run"}, "--init", "--resume"},
      {{"train", "--output", "other", "--resume", "run"}, "--output", "--resume"},
      {{"train", "--evaluate-count", "12"}, "--evaluate-count", "--evaluate-every"},
      {{"train", "--evaluate-count", "12", "--evaluate-every", "0"}, "--evaluate-count", "--evaluate-every"},
      {resume + Words{"--evaluate-count", "12"}, "--evaluate-count", "--evaluate-every"},
      {resume + Words{"--steps", "9"}, "--epochs", "--steps"},
      {resume + Words{"--seed", "1"}, "--seed", "--resume"},
      {{"info", "--dropout", "0.3"}, "--dropout", "--recipe celeba32"},
      {{"info", "--schema", "--json"}, "--json", "--schema"},
      {{"info", "--schema", "--recipe", "anime64"}, "--recipe", "--schema"},
      {{"info", "--schema", "--batch-size", "4"}, "--batch-size", "--schema"},
      {of_run({"info", "--schema"}), "--checkpoint", "--schema"},
      {of_run({"info", "--batch-size", "4"}), "--batch-size", "--checkpoint"},
      {of_run({"info", "--recipe", "anime64"}), "--recipe", "--checkpoint"},
      {{"gradcheck", "--op", "abs", "--g-dim", "8"}, "--op", "--g-dim"},
      {{"gradcheck", "--op", "abs", "--recipe", "anime64"}, "--op", "--recipe"},
      {{"gradcheck", "--op", "abs", "--elements", "1"}, "--op", "--elements"},
      {{"gradcheck", "--op", "abs", "--batch-size", "3"}, "--op", "--batch-size"},
      {{"gradcheck", "--dropout", "0.3"}, "--dropout", "--recipe celeba32"},
      {{"gradcheck", "--op", "abs", "--precision", "bf16"}, "--precision", "float64"},
      {of_run({"evaluate", "--force"}), "--force", "--json"},
      {of_run({"evaluate", "--crop", "4", "--json", "a.json"}), "--crop", "--data synthetic"},
      {of_run({"sample", "--force", "--truncation", "1.5"}), "--truncation", "--mean or --std"},
      {of_run({"sample", "--z", "z.safetensors", "--seed", "1"}), "--z", "--seed"},
      {of_run({"sample", "--z", "z.safetensors", "--std", "1"}), "--z", "--std"},
      {of_run({"sample", "--plain", "--zoom", "2"}), "--plain", "--zoom"},
      {latent({"name", "G=seed:1", "--grid", "samples.safetensors"}), "--grid", "NAME=grid:LETTERS"},
      {latent({"eval", "1 + 2", "--names", "samples.safetensors"}), "--names", "no expression has a name"},
      {latent({"sweep", "--dim", "1", "--names", "samples.safetensors"}), "--names", "--around"},
      {latent({"sweep", "--dim", "1", "--top", "3"}), "--top", "--all-dims"},
      {latent({"sweep", "--dim", "1", "--mid", "0", "--around", "A"}), "--mid", "--around"},
      {latent({"sweep", "--dim", "1", "--values", "0", "--quantiles", "0.1:0.9:2"}), "--values",
       "--quantiles"},
      {latent({"interpolate", "A", "B", "--film-steps", "2"}), "--film-steps", "--film;"},
      {latent({"interpolate", "A", "B", "--milliseconds", "9"}), "--milliseconds", "--film;"},
      {latent({"invert", "--face", "A", "--crop", "4"}), "--face", "--crop"},
      {latent({"invert", "--face", "A", "--restarts", "1", "--seed", "1"}), "--seed", "--restarts 1"},
      {latent({"invert", "--photo", "data/0.png", "--names", "samples.safetensors"}), "--names", "--photo"},
      {latent({"nearest", "--names", "samples.safetensors"}), "--names", "FACE"},
      {latent({"nearest", "A", "--count", "2"}), "FACE", "--count"},
      {latent({"nearest", "A", "--seed", "2"}), "FACE", "--seed"},
      {latent({"nearest", "A", "--crop", "4"}), "--crop", "--data synthetic"},
      {latent({"direction", "x", "--factor", "smile", "--crop", "4"}), "--factor", "--crop"},
      {latent({"direction", "x", "--low", "0", "--with", "a", "--without", "b"}), "--low", "--factor"},
      {latent({"average", "--names", "samples.safetensors"}), "no such option", "--names"},
      {latent({"factors", "--names", "samples.safetensors"}), "no such option", "--names"},
  };
  const auto latest = dcgan_.bytes("run/checkpoints/latest.safetensors"),
             config = dcgan_.bytes("run/config.json");
  const Words before = dcgan_.names("."), in_run = dcgan_.names("run");
  for (const auto& [words, option, other] : cases) {
    const Finished finished = dcgan_.run(words);
    SCOPED_TRACE(testing::PrintToString(words) + " " + finished.err);
    EXPECT_EQ(finished.code, 2);
    EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1);
    EXPECT_TRUE(finished.err.starts_with("dcgan: "));
    EXPECT_TRUE(contains(finished.err, option) && contains(finished.err, other));
    EXPECT_TRUE(contains(finished.err, "; ") || option == "no such option") << "what is to be done?";
    EXPECT_EQ(finished.out, "");
  }
  EXPECT_EQ(dcgan_.names("."), before);
  EXPECT_EQ(dcgan_.names("run"), in_run);
  EXPECT_EQ(dcgan_.bytes("run/checkpoints/latest.safetensors"), latest);
  EXPECT_EQ(dcgan_.bytes("run/config.json"), config);
}

// How long a run is follows from its data.
TEST_F(AppIdleOptions, AreRefusedInWhatARunHasToGo) {
  struct Case {
    Words words;
    std::string option, why;
  };
  const Words resume{"train", "--resume", "run", "--epochs", "2"};
  const Case cases[] = {
      {tiny_train({"--steps", "4", "--keep-at", "5,10"}), "--keep-at", "ends after 4 steps"},
      {tiny_train({"--epochs", "3", "--evaluate-every", "5"}), "--evaluate-every", "no epoch that 5 divides"},
      {tiny_train({"--steps", "3", "--evaluate-every", "1"}), "--evaluate-every", "no epoch that 1 divides"},
      {resume + Words{"--keep-at", "4"}, "--keep-at", "has done 4 steps"},
      {{"train", "--resume", "run", "--keep-at", "4"}, "--keep-at", "has done 4 steps"},
      {resume + Words{"--keep-at", "3,9"}, "--keep-at", "ends after 8 steps"},
      {resume + Words{"--evaluate-every", "3"}, "--evaluate-every", "no epoch that 3 divides"}};
  const auto config = dcgan_.bytes("run/config.json");
  const Words before = dcgan_.names("."), in_run = dcgan_.names("run");
  for (const auto& [words, option, why] : cases) {
    const std::string line = dcgan_.bad(words, why);
    EXPECT_TRUE(line.starts_with(concat("dcgan: ", option, " has no effect on a run that "))) << line;
  }
  EXPECT_EQ(dcgan_.names("."), before);
  EXPECT_EQ(dcgan_.names("run"), in_run);
  EXPECT_EQ(dcgan_.bytes("run/config.json"), config);
}

TEST_F(AppIdleOptions, NeighboursThatDoSomethingAreTaken) {
  const Words anime{"--recipe",     "anime64", "--g-dim",           "1", "--d-dim",   "2", "--z-dim", "4",
                    "--batch-size", "4",       "--synthetic-count", "8", "--threads", "1"};
  const Words train[] = {
      tiny_train({"--dropout", "0", "--crop", "0", "--bn-init-std", "0.1"}),  // what is so without them, too
      tiny_train({"--steps", "0", "--evaluate-every", "0"}),
      tiny_train({"--data", "synthetic"}),
      tiny_train({"--data", "data", "--crop", "8"}),
      tiny_train({"--lr", "1e-4", "--lr-d", "2e-4", "--init-std", "0.1"}),
      tiny_train({"--evaluate-count", "6", "--evaluate-every", "1"}),
      tiny_train({"--init", "run", "--seed", "1"}),
      Words{"train"} + anime + Words{"--dropout", "0.3", "--bn-eps", "1e-5"},
      Words{"train"} + anime + Words{"--init-distribution", "normal", "--init-std", "1"},
      {"train", "--recipe", "bare.json", "--synthetic-count", "8", "--batch-size", "4", "--g-dim", "64"}};
  for (const Words& words : train) dcgan_.good(words + Words{"--epochs", "0"});
  // What a recipe or a run brings is not given.
  dcgan_.good(Words{"train"} + anime + Words{"--steps", "1", "--output", "anime"});
  dcgan_.good({"train", "--resume", "anime", "--steps", "2"});
  dcgan_.good(tiny_train({"--recipe", "run/config.json", "--data", "data", "--epochs", "0"}));
  dcgan_.good(
      {"train", "--resume", "run", "--epochs", "1", "--evaluate-count", "6", "--evaluate-every", "1"});
  dcgan_.good(
      {"train", "--resume", "run", "--evaluate-every", "1", "--keep-at", "9"});  // for when it goes on
  dcgan_.good({"train", "--resume", "run", "--evaluate-count", "7"});
  const Words kept{"--keep-at", "2,5", "--evaluate-every", "2", "--evaluate-count", "6"};
  dcgan_.good(tiny_train(kept + Words{"--steps", "9", "--output", "kept"}));
  dcgan_.good(tiny_train(kept + Words{"--steps", "10", "--resume", "kept"}));  // repeated as they are

  dcgan_.good({"info", "--dropout", "0.3", "--json"});
  dcgan_.good(of_run({"info", "--json"}));
  dcgan_.good({"gradcheck", "--op", "abs", "--seed", "1", "--conv", "im2col"});
  const Words force{"--force", "--threads", "1"};
  const Words others[] = {
      of_run({"evaluate", "--count", "6", "--json", "a.json", "--data", "data", "--crop", "8"}),
      of_run({"evaluate", "--count", "6", "--json", "a.json", "--crop", "0"}),
      of_run({"evaluate", "--count", "6", "--json", "a.json"}),
      of_run({"sample", "--count", "3", "--truncation", "0.5", "--columns", "9"}),
      of_run({"sample", "--count", "3", "--truncation", "1.5", "--std", "1"}),
      latent({"name", "G=seed:1", "D=grid:A", "--grid", "samples.safetensors"}),
      latent({"sweep", "--dim", "1", "--around", "A", "--names", "samples.safetensors"}),
      latent({"interpolate", "A", "B", "--film", "film.png", "--film-steps", "2", "--milliseconds", "9"}),
      latent({"invert", "--face", "A", "--steps", "2", "--seed", "1", "--names", "samples.safetensors"}),
      latent(
          {"invert", "--photo", "data/0.png", "--steps", "2", "--save-as", "P", "--names", "n.safetensors"}),
      latent({"nearest", "A", "--names", "samples.safetensors", "--data", "data", "--crop", "8"}),
      latent({"nearest", "--count", "2", "--seed", "1"})};
  for (const Words& words : others) dcgan_.good(words + force);
}

// The crop of a run is that of its own pictures.
TEST_F(AppIdleOptions, ASetThatIsDrawnTakesNoCropFromARun) {
  dcgan_.good(tiny_train({"--data", "data", "--crop", "8", "--epochs", "1", "--output", "cropped"}));
  dcgan_.good({"latent", "nearest", "--checkpoint", "cropped", "--count", "1", "--data", "synthetic"});
}

}  // namespace
}  // namespace duel
