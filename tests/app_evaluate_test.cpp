// dcgan evaluate, and the same numbers while a run trains.

#include <limits>

#include "apps/gan/json.h"
#include "apps/gan/run_table.h"
#include "lib/io/image.h"
#include "lib/io/safetensors.h"
#include "lib/philox.h"
#include "tests/dcgan_program.h"

namespace duel {
namespace {

using json = gan::Json;

const Words few{"--count", "12", "--threads", "1"};

json evaluated(const Program& dcgan, const std::string& run, const Words& more = {}) {
  dcgan.good(Words{"evaluate", "--checkpoint", run, "--json", "numbers.json", "--force"} + few + more);
  return gan::parse_json(dcgan.text("numbers.json"), "numbers.json");
}

TEST(AppEvaluate, TellsEachNumberBesideThoseOfRealsAndNoise) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  const std::string out = dcgan.good(Words{"evaluate", "--checkpoint", "run", "--json", "a.json"} + few);
  const json numbers = gan::parse_json(dcgan.text("a.json"), "a.json");
  EXPECT_EQ(numbers.at("count"), 12);
  EXPECT_EQ(numbers.at("checkpoint"), "run/checkpoints/latest.safetensors");
  for (const char* name :
       {"swd_32", "swd_16", "swd", "ms_ssim", "precision", "recall", "density", "coverage", "copies"}) {
    EXPECT_TRUE(contains(out, concat("\n  ", name, " "))) << name << out;
    for (const char* of : {"samples", "reals", "noise"}) {
      const json& estimate = numbers.at("scores").at(name).at(of);
      EXPECT_LE(estimate.at("low"), estimate.at("value")) << name;
      EXPECT_LE(estimate.at("value"), estimate.at("high")) << name;
    }
  }
  const json& distance = numbers.at("scores").at("swd");
  EXPECT_LT(distance.at("reals").at("value"), distance.at("samples").at("value"));
  EXPECT_LT(distance.at("reals").at("value"), distance.at("noise").at("value"));
  EXPECT_TRUE(numbers.at("factors").contains("background_lightness"));
  EXPECT_TRUE(contains(out, "each factor's range")) << out;
}

TEST(AppEvaluate, WritesTheNumbersAlsoWhereNobodyReadsTheTable) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Words words = Words{"evaluate", "--checkpoint", "run", "--json", "a.json"} + few;
  void (*const before)(int) = std::signal(SIGPIPE, SIG_DFL);  // for the child, which inherits it
  const pid_t child = dcgan.start_on(ends[1], words);
  std::signal(SIGPIPE, before);
  ::close(ends[1]);
  char c = 0;
  while (::read(ends[0], &c, 1) == 1 && c != '\n') {
  }
  ::close(ends[0]);  // after the first line, as `head -1` does
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) << status;
  EXPECT_EQ(gan::parse_json(dcgan.text("a.json"), "a.json").at("count"), 12);
}

TEST(AppEvaluate, PrintsTheNumbersAlsoWhereTheFileCannotBeWritten) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  const Words words = Words{"evaluate", "--checkpoint", "run"} + few;
  const std::string table = dcgan.good(words);
  dcgan.bad(words + Words{"--json", "a.json"}, "cannot write a.json", table.size() + 10);
  EXPECT_EQ(dcgan.text("stdout"), table);
}

TEST(AppEvaluate, DataThatAreGoneCanBeNamedElsewhere) {
  const Program dcgan;
  for (int i = 0; i < 24; ++i)
    dcgan.folder().write(concat("data/", i, ".png"), read_file(fixture("rgb.png")));
  dcgan.good(tiny_train({"--data", "data", "--epochs", "1", "--output", "run"}));
  std::filesystem::rename(dcgan / "data", dcgan / "moved");
  const std::string part =
      "cannot read the data in data: No such file or directory; the run was trained on them: name where they "
      "are now by --data";
  dcgan.bad(Words{"evaluate", "--checkpoint", "run"} + few, part);
  dcgan.bad({"latent", "nearest", "--checkpoint", "run"}, part);
  dcgan.good({"latent", "nearest", "--checkpoint", "run", "--data", "moved"});
  const std::string line = dcgan.bad({"evaluate", "--checkpoint", "run", "--data", "nowhere"}, "in nowhere");
  EXPECT_FALSE(contains(line, "--data")) << line;
}

TEST(AppEvaluate, AGeneratorOfWhatIsNoNumberIsRefused) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  const std::filesystem::path path = dcgan / "run/checkpoints/latest.safetensors";
  const SafetensorsFile file = read_safetensors(path);
  for (const char* name : {"G.fc.bias", "D.fc.bias"}) {
    const float last = std::numeric_limits<float>::quiet_NaN();
    const Tensor& bias = file.at(name);
    bias.rows(bias.dim(0) - 1, 1).upload(&last);
  }
  write_safetensors(path, file.tensors, file.metadata);
  const std::string part = "run/checkpoints/latest.safetensors: G.fc.bias holds numbers that are not finite";
  dcgan.bad(Words{"evaluate", "--checkpoint", "run"} + few, part);
  dcgan.bad({"sample", "--checkpoint", "run"}, part);
  dcgan.bad({"latent", "average", "--checkpoint", "run"}, part);
  dcgan.good({"sample", "--checkpoint", "run/networks.safetensors"});
}

TEST(AppEvaluate, FollowsTheSeedAndTheData) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  const json first = evaluated(dcgan, "run");
  EXPECT_EQ(evaluated(dcgan, "run/checkpoints/epoch-0001.safetensors").at("scores"), first.at("scores"));
  EXPECT_NE(evaluated(dcgan, "run", {"--seed", "1"}).at("scores"), first.at("scores"));
  for (int i = 0; i < 14; ++i)
    dcgan.folder().write(concat("data/", i, ".png"), read_file(fixture("rgb.png")));
  dcgan.good(tiny_train({"--data", "data", "--crop", "4", "--epochs", "1", "--output", "cropped"}));
  const std::string described = evaluated(dcgan, "cropped").at("data");
  EXPECT_TRUE(contains(described, "central 4x4 ")) << described;
  dcgan.folder().write("data/broken.png", "no picture");
  const json other = evaluated(dcgan, "run", {"--data", "data"});
  EXPECT_EQ(other.at("count"), 7);  // half of what there is
  EXPECT_FALSE(other.contains("factors"));
  EXPECT_NE(evaluated(dcgan, "run", {"--data", "data", "--crop", "4"}).at("scores"), other.at("scores"));
}

// Of eight pictures and their mirror images each is a copy of another one where the run mirrors pictures.
TEST(AppEvaluate, KnowsWhetherTheRunMirrorsPictures) {
  const Program dcgan;
  std::filesystem::create_directory(dcgan / "data");
  PhiloxWalk random(1, static_cast<uint64_t>(Stream::Check));
  for (int i = 0; i < 8; ++i) {
    Image picture{2, 1, 3, {}}, mirrored = picture;  // of one colour on the left and one on the right
    for (int byte = 0; byte < 6; ++byte) picture.pixels.push_back(static_cast<uint8_t>(random.below(256)));
    mirrored.pixels = picture.pixels;
    std::rotate(mirrored.pixels.begin(), mirrored.pixels.begin() + 3, mirrored.pixels.end());
    for (const Image& half : {picture, mirrored})
      write_png(dcgan / concat("data/", dcgan.names("data").size(), ".png"),
                tile(std::vector<Image>(2, half), 1, 0));
  }
  for (const char* flips : {"--hflip", "--no-hflip"}) {
    dcgan.good(tiny_train(
        {"--data", "data", flips, "--epochs", "1", "--output", flips + 2, "--evaluate-every", "1"}));
    const bool mirrors = contains(flips, "--h");
    const gan::Table log = gan::read_table(dcgan / concat(flips + 2, "/quality.csv"));
    EXPECT_EQ(log.numbers("copies_reals")[0] == 1, mirrors) << flips;
    const json reals = evaluated(dcgan, flips + 2).at("scores").at("copies").at("reals");
    EXPECT_EQ(reals.at("value") == 1, mirrors) << flips;
  }
}

TEST(AppEvaluate, BadInput) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  dcgan.bad({"evaluate"}, "--checkpoint is required");
  dcgan.bad({"evaluate", "--checkpoint", "nowhere"}, "nowhere");
  dcgan.bad({"evaluate", "--checkpoint", "run/config.json"}, "run/config.json");
  dcgan.bad({"evaluate", "--checkpoint", "run", "--count", "5"}, "--count");
  dcgan.bad({"evaluate", "--checkpoint", "run", "--crop", "-1"}, "--crop");
  dcgan.bad({"evaluate", "--checkpoint", "run", "--seed", "-1"}, "--seed");
  dcgan.bad({"evaluate", "--checkpoint", "run", "--json", "none/a.json"}, "none/a.json");
  for (int i = 0; i < 11; ++i)
    dcgan.folder().write(concat("data/", i, ".png"), read_file(fixture("rgb.png")));
  dcgan.bad({"evaluate", "--checkpoint", "run", "--data", "data"},
            "quality numbers need at least 12 pictures, the data has 11");
  const auto config = dcgan.bytes("run/config.json");
  dcgan.bad({"evaluate", "--checkpoint", "run", "--json", "run/config.json"},
            "run/config.json is a part of the run there");
  dcgan.bad({"evaluate", "--checkpoint", "run/networks.safetensors", "--json", "./run/networks.safetensors",
             "--force"},
            "--json and --checkpoint would be one file");
  dcgan.bad({"evaluate", "--checkpoint", "run", "--json", "run/checkpoints/../checkpoints/latest.safetensors",
             "--force"},
            "--json and --checkpoint would be one file");
  dcgan.bad({"evaluate", "--checkpoint", "run", "--json", "data", "--force"}, "data is a folder");
  EXPECT_EQ(config, dcgan.bytes("run/config.json"));
  std::filesystem::create_directory(dcgan / "empty");
  dcgan.bad({"evaluate", "--checkpoint", "empty"}, "empty");
}

TEST(AppEvaluate, WhileTrainingWritesQualityCsvAndChangesNothingElse) {
  const Program dcgan;
  const Words watched{"--evaluate-every", "2", "--evaluate-count", "12"};
  const std::string out = dcgan.good(tiny_train(Words{"--epochs", "5", "--output", "a"} + watched));
  EXPECT_TRUE(contains(out, "quality after epoch 2: swd ")) << out;
  EXPECT_FALSE(contains(out, "quality after epoch 3")) << out;
  const Words rows = dcgan.lines("a/quality.csv");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_TRUE(rows[0].starts_with("epoch,step,swd_32,swd_32_low,swd_32_high,swd_32_reals,swd_32_noise,"))
      << rows[0];
  EXPECT_TRUE(rows[1].starts_with("2,8,")) << rows[1];
  EXPECT_TRUE(rows[2].starts_with("4,16,")) << rows[2];
  for (const std::string& row : rows) EXPECT_EQ(std::count(row.begin(), row.end(), ','), 46) << row;

  dcgan.good(tiny_train({"--epochs", "5", "--output", "b"}));
  EXPECT_FALSE(dcgan.exists("b/quality.csv"));
  EXPECT_EQ(dcgan.bytes("a/networks.safetensors"), dcgan.bytes("b/networks.safetensors"));

  dcgan.good(
      tiny_train({"--epochs", "2", "--output", "c", "--evaluate-every", "2", "--evaluate-count", "6"}));
  EXPECT_NE(dcgan.lines("c/quality.csv")[1], rows[1]) << "of fewer samples";

  // Rows that a killed run had begun, or that come after the checkpoint, are written anew.
  dcgan.folder().write("a/quality.csv", concat(dcgan.text("a/quality.csv"), "6,24,0.5\n8,3"));
  dcgan.good(Words{"train", "--resume", "a", "--epochs", "6", "--threads", "1"} + watched);
  const Words resumed = dcgan.lines("a/quality.csv");
  ASSERT_EQ(resumed.size(), 4u);
  EXPECT_EQ(Words(resumed.begin(), resumed.begin() + 3), rows);
  EXPECT_TRUE(resumed[3].starts_with("6,24,")) << resumed[3];
  EXPECT_EQ(std::count(resumed[3].begin(), resumed[3].end(), ','), 46);

  dcgan.bad(tiny_train({"--evaluate-every", "-1"}), "--evaluate-every");
  dcgan.bad(tiny_train({"--evaluate-count", "5"}), "--evaluate-count");
}

}  // namespace
}  // namespace duel
