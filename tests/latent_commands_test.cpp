// dcgan latent: what each subcommand writes.
#include <cmath>
#include <set>

#include "apps/latent/nearest.h"
#include "lib/io/image.h"
#include "lib/io/safetensors.h"
#include "tests/dcgan_program.h"

namespace duel {
namespace {

class LatentCommands : public testing::Test {
 protected:
  void SetUp() override {
    dcgan_.good(tiny_train({"--epochs", "1", "--output", "run"}));
    dcgan_.good({"sample", "--checkpoint", "run", "--count", "4"});
  }

  /// Runs `dcgan latent` with the grid's names, to which the command adds its own; what it prints.
  std::string latent(const std::string& command, const Words& more) const {
    const bool adds =
        command == "direction" || std::find(more.begin(), more.end(), "--save-as") != more.end();
    return dcgan_.good(Words{"latent", command} + more + Words{"--checkpoint", "run", "--threads", "1"} +
                       (adds ? Words{"--names", "samples.safetensors"} : Words{}));
  }
  /// A face in a file of names.
  std::vector<float> face(const std::string& file, const std::string& name) const {
    return read_safetensors(dcgan_ / file).at(name).to_vector<float>();
  }
  std::vector<float> drawn(const std::string& name) const { return face("samples.safetensors", name); }
  size_t faces(const std::string& file) const { return read_safetensors(dcgan_ / file).tensors.size(); }
  /// How many frames a film holds.
  int frames(const std::string& file) const {
    const std::string bytes = dcgan_.text(file);
    int count = 0;
    for (size_t at = bytes.find("fcTL"); at != std::string::npos; at = bytes.find("fcTL", at + 1)) ++count;
    return count;
  }

  Program dcgan_;
};

TEST_F(LatentCommands, NameKeepsFacesOfSeedsAndGrids) {
  const Words name{"latent", "name", "--checkpoint", "run", "--names", "mine.safetensors"};
  dcgan_.good(name + Words{"G=seed:17", "D=grid:B"});
  dcgan_.good({"sample", "--checkpoint", "run", "--seed", "17", "--count", "1", "--output", "seventeen.png"});
  EXPECT_EQ(face("mine.safetensors", "G"), face("seventeen.safetensors", "A"));
  EXPECT_EQ(face("mine.safetensors", "D"), drawn("B"));
  EXPECT_GT(load_image(dcgan_ / "named.png").width, 2 * 64);

  dcgan_.good(name + Words{"E=grid:A", "--grid", "seventeen.safetensors", "--force"});
  EXPECT_EQ(faces("mine.safetensors"), 3u) << "names are added";
  EXPECT_EQ(face("mine.safetensors", "E"), face("mine.safetensors", "G"));
}

TEST_F(LatentCommands, InversionStaysWithinItsBound) {
  const auto largest = [&](const Words& more, const std::string& face = "A") {
    latent("invert", Words{"--face", face, "--steps", "60", "--save-as", "found", "--force"} + more);
    float most = 0;
    for (const float x : drawn("found")) most = std::max(most, std::abs(x));
    return most;
  };
  EXPECT_LE(largest({"--bound", "0.1"}), 0.1f);
  EXPECT_GT(largest({}), 0.1f);
  EXPECT_LE(largest({"--lr", "1"}, "9*A"), 1.0f) << "as in training";
  EXPECT_GT(largest({"--lr", "1", "--bound", "0"}, "9*A"), 1.0f);
}

TEST_F(LatentCommands, NamesHaveTheirOwnFile) {
  const Words run{"--checkpoint", "run", "--threads", "1", "--force"};
  const std::string named = dcgan_.good(Words{"latent", "name", "A=seed:5", "G=grid:B"} + run);
  EXPECT_TRUE(contains(named, "Named in names.safetensors: A, G\n")) << named;
  EXPECT_EQ(face("names.safetensors", "G"), drawn("B"));
  // Letters of the grid that no face was given are the grid's.
  dcgan_.good(Words{"latent", "eval", "A + C", "--save-as", "sum"} + run);
  const auto a = face("names.safetensors", "A"), c = drawn("C"), sum = face("names.safetensors", "sum");
  EXPECT_NE(a, drawn("A"));
  for (size_t i = 0; i < a.size(); ++i) EXPECT_FLOAT_EQ(sum[i], a[i] + c[i]);
  EXPECT_EQ(faces("samples.safetensors"), 4u) << "the grid's file is left alone";
  dcgan_.good(Words{"latent", "direction", "light", "--factor", "background_lightness", "--steps", "2",
                    "--count", "2"} +
              run);
  EXPECT_EQ(face("names.safetensors", "light"), face("direction.safetensors", "light"));
  EXPECT_FALSE(contains(dcgan_.good(Words{"latent", "eval", "A"} + run), "named with"));
  dcgan_.good(tiny_train({"--epochs", "1", "--seed", "1", "--output", "other"}));
  EXPECT_TRUE(contains(dcgan_.good({"latent", "eval", "A", "--checkpoint", "other", "--force"}),
                       "names.safetensors: these faces were named with run/checkpoints/latest.safetensors, "
                       "which is another network\n"));
}

TEST_F(LatentCommands, AFileOfNamesIsOfOneNetwork) {
  dcgan_.good(tiny_train({"--epochs", "1", "--seed", "1", "--output", "other"}));
  const Words force{"--threads", "1", "--force"};
  dcgan_.good(Words{"latent", "name", "A=seed:5", "--checkpoint", "run"} + force);
  const auto before = dcgan_.bytes("names.safetensors");
  const std::string part =
      "names.safetensors holds faces named with run/checkpoints/latest.safetensors, which is another "
      "network; "
      "those of other/checkpoints/latest.safetensors need a file of their own: give another one with --names";
  for (const Words& command : std::vector<Words>{{"name", "G=seed:1"},
                                                 {"eval", "2*A", "--save-as", "G"},
                                                 {"invert", "--face", "A", "--save-as", "G"},
                                                 {"direction", "G", "--factor", "smile"}})
    dcgan_.bad(Words{"latent"} + command + Words{"--checkpoint", "other"} + force, part);
  EXPECT_EQ(before, dcgan_.bytes("names.safetensors"));

  // Faces of the one may be taken over by the other, which is said, into a file that is its own.
  const Words others{"--checkpoint", "other", "--names", "others.safetensors"};
  const std::string said =
      dcgan_.good(Words{"latent", "name", "G=grid:A", "--grid", "names.safetensors", "--force"} + others);
  const auto metadata = [&](const char* file) {
    return read_safetensors(dcgan_ / file).metadata.at("checkpoint");
  };
  EXPECT_TRUE(contains(said, "names.safetensors: these faces were named with run/checkpoints")) << said;
  EXPECT_EQ(metadata("others.safetensors"), "other/checkpoints/latest.safetensors");
  // What is the same file by another name is no other network.
  dcgan_.good(Words{"latent", "name", "G=seed:1", "--checkpoint", "./run/../run"} + force);
  EXPECT_EQ(faces("names.safetensors"), 2u);
}

TEST_F(LatentCommands, ANetworkIsTheSameWhereverItIs) {
  const Words force{"--threads", "1", "--force"};
  dcgan_.good(Words{"latent", "name", "G=seed:1", "--checkpoint", "run"} + force);
  std::filesystem::create_directory_symlink("run", dcgan_ / "link");
  std::filesystem::copy(dcgan_ / "run", dcgan_ / "copy", std::filesystem::copy_options::recursive);
  std::filesystem::rename(dcgan_ / "run", dcgan_ / "moved");
  size_t named = 1;
  for (const std::string place :
       {"moved", "copy", "moved/networks.safetensors", "moved/checkpoints/epoch-0001.safetensors"}) {
    dcgan_.good(Words{"latent", "name", concat("N", named, "=seed:", named), "--checkpoint", place} + force);
    EXPECT_EQ(faces("names.safetensors"), ++named) << place;
    const std::string said = dcgan_.good(Words{"latent", "eval", "G + A", "--checkpoint", place} + force);
    EXPECT_FALSE(contains(said, "named with")) << said;
  }
  // Another network in the place of the first.
  dcgan_.good(tiny_train({"--epochs", "1", "--seed", "1", "--output", "run"}));
  EXPECT_TRUE(
      contains(dcgan_.good(Words{"latent", "eval", "G", "--checkpoint", "link"} + force),
               "names.safetensors: these faces were named with moved/checkpoints/epoch-0001.safetensors, "
               "which is another network\n"));
}

TEST_F(LatentCommands, ARunThatIsTrainedOnHasOtherFaces) {
  const Words name{"latent", "name", "--threads", "1", "--force", "--checkpoint", "run"};
  dcgan_.good(name + Words{"G=seed:1"});
  dcgan_.good({"train", "--resume", "run", "--epochs", "2", "--threads", "1"});
  const std::string with = "named with run/checkpoints/latest.safetensors as it was before it was trained on";
  dcgan_.bad(name + Words{"H=seed:2"},
             "names.safetensors holds faces " + with + "; those of run/checkpoints/");
  const std::string said =
      dcgan_.good({"latent", "eval", "G", "--checkpoint", "run", "--threads", "1", "--force"});
  EXPECT_TRUE(contains(said, "names.safetensors: these faces were " + with + "\n")) << said;
}

// They tell a path alone.
TEST_F(LatentCommands, FilesOfNamesFromBeforeFingerprintsAreRead) {
  std::filesystem::create_directory(dcgan_ / "moved");
  const SafetensorsFile grid = read_safetensors(dcgan_ / "samples.safetensors");
  const auto write = [&](const std::string& file, const std::string& checkpoint) {
    write_safetensors(dcgan_ / file, {{"G", grid.at("B")}},
                      {{"format", "duel names 1"}, {"checkpoint", checkpoint}});
  };
  const auto eval = [&](const std::string& file, const std::string& checkpoint) {
    return dcgan_.good(
        {"latent", "eval", "G", "--threads", "1", "--force", "--checkpoint", checkpoint, "--names", file});
  };
  write("old.safetensors", "run/checkpoints/latest.safetensors");
  EXPECT_FALSE(contains(eval("old.safetensors", "run"), "named with"));
  EXPECT_TRUE(
      contains(eval("old.safetensors", "run/networks.safetensors"),
               "old.safetensors: these faces were named with run/checkpoints/latest.safetensors, which "
               "is another checkpoint\n"));
  // A file that gets more names tells the network from then on.
  dcgan_.good({"latent", "name", "H=seed:1", "--threads", "1", "--force", "--checkpoint", "run", "--names",
               "old.safetensors"});
  EXPECT_FALSE(contains(eval("old.safetensors", "run/networks.safetensors"), "named with"));
  // Moved together with their run, the names still find it; without it nothing is known.
  write("moved/names.safetensors", "run/checkpoints/latest.safetensors");
  std::filesystem::rename(dcgan_ / "run", dcgan_ / "moved/run");
  EXPECT_FALSE(contains(eval("moved/names.safetensors", "moved/run"), "named with"));
  write("old.safetensors", "run/checkpoints/latest.safetensors");
  EXPECT_TRUE(
      contains(eval("old.safetensors", "moved/run"),
               "named with run/checkpoints/latest.safetensors, which is not there to be compared with"));
}

TEST_F(LatentCommands, ProcessesThatAddNamesAtOnceLoseNone) {
  constexpr size_t processes = 12;
  const auto before = dcgan_.names(".");
  std::vector<pid_t> children;
  for (size_t i = 0; i < processes; ++i)
    children.push_back(dcgan_.start({"latent", "name", concat("G", i, "=seed:", i), "--checkpoint", "run",
                                     "--threads", "1", "--output", concat("g", i, ".png")}));
  for (const pid_t child : children) EXPECT_EQ(dcgan_.wait(child).code, 0);
  EXPECT_EQ(faces("names.safetensors"), processes);
  EXPECT_EQ(dcgan_.names(".").size(), before.size() + 2 * processes + 1) << "the figures and the names alone";
}

// An expression looks a name up in names.safetensors first: the grid's letter would be another face.
TEST_F(LatentCommands, NoFaceOfTheGridIsHiddenUnlessForced) {
  const Words run{"--checkpoint", "run", "--threads", "1"};
  const std::string part =
      "A is a face of the grid in samples.safetensors, which the new one would hide; give";
  for (const Words& command : std::vector<Words>{{"name", "A=seed:9"},
                                                 {"eval", "2*B", "--save-as", "A"},
                                                 {"invert", "--face", "B", "--save-as", "A", "--steps", "1"},
                                                 {"direction", "A", "--factor", "smile"}})
    dcgan_.bad(Words{"latent"} + command + run, part);
  EXPECT_FALSE(dcgan_.exists("names.safetensors"));
  EXPECT_FALSE(dcgan_.exists("invert.png")) << "said before anything is computed";
  dcgan_.good(Words{"latent", "name", "A=grid:A", "Z=seed:3"} + run);  // the same face
  dcgan_.good(Words{"latent", "name", "B=seed:9", "--force"} + run);
  dcgan_.good(Words{"latent", "name", "B=seed:9", "--output", "again.png"} + run);  // hidden before
  dcgan_.good(Words{"latent", "name", "C=seed:9", "--names", "mine.safetensors", "--output", "c.png"} + run);
}

TEST_F(LatentCommands, ExpressionsMayBeginWithAMinusSign) {
  const auto a = drawn("A");
  const auto expect_minus_a = [&](const std::string& file, const std::string& name) {
    const auto z = face(file, name);
    for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(z[i], -a[i]) << file;
  };
  const Words force{"--force"};
  EXPECT_TRUE(contains(latent("eval", Words{"-A", "-0.5*A + B"} + force), "\n-0.5*A + B = R2"));
  expect_minus_a("eval.safetensors", "R1");
  latent("eval", force + Words{"-(A)"});
  expect_minus_a("eval.safetensors", "R1");
  dcgan_.good({"latent", "eval", "--checkpoint", "run", "--force", "--", "-A"});
  expect_minus_a("eval.safetensors", "R1");
  latent("interpolate", {"B", "-A"});
  expect_minus_a("interpolation.safetensors", "r1c8");
  latent("nearest", {"-A"});
  expect_minus_a("nearest.safetensors", "face_1");
  latent("sweep", {"--dim", "0", "--values", "-0.5,1", "--around", "-A"});
  EXPECT_EQ(face("sweep.safetensors", "r1c1")[0], -0.5f);
  EXPECT_EQ(face("sweep.safetensors", "r1c1")[1], -a[1]);
}

TEST_F(LatentCommands, EvalComputesAndSavesUnderNames) {
  const std::string out = latent("eval", {"2*A - B", "A*0.5", "norm(A) / norm(A)"});
  EXPECT_TRUE(contains(out, "norm(A) / norm(A) = 1\n")) << out;
  const auto a = drawn("A"), b = drawn("B"), r1 = face("eval.safetensors", "R1");
  for (size_t i = 0; i < a.size(); ++i) EXPECT_FLOAT_EQ(r1[i], 2 * a[i] - b[i]);
  EXPECT_EQ(face("eval.safetensors", "B"), b) << "the operands stand beside the results";
  EXPECT_EQ(faces("eval.safetensors"), 4u);

  latent("eval", {"A+B", "A-B", "--save-as", "sum", "--save-as", "difference", "--output", "b.png"});
  EXPECT_EQ(drawn("sum"), face("b.safetensors", "sum"));
  dcgan_.good({"latent", "eval", "--checkpoint", "run", "--names", "samples.safetensors", "--output", "c.png",
               "sum + difference", "(-A)"});
  const auto twice = face("c.safetensors", "R1"), minus = face("c.safetensors", "R2");
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_NEAR(twice[i], 2 * a[i], 1e-6);
    EXPECT_EQ(minus[i], -a[i]);
  }
}

TEST_F(LatentCommands, SweepFreezesAllButOneComponent) {
  latent("sweep", {"--dim", "3", "--mid", "-0.6,0.25", "--quantiles", "0.14:0.86:8"});
  EXPECT_EQ(faces("sweep.safetensors"), 16u);
  const auto corner = face("sweep.safetensors", "r2c8");
  for (size_t i = 0; i < 8; ++i) EXPECT_FLOAT_EQ(corner[i], i == 3 ? 1.08031934f : 0.25f) << i;

  latent("sweep",
         {"--dim", "0", "--around", "A", "--around", "A+B", "--values", "-1,5", "--output", "b.png"});
  auto expected = drawn("A");
  expected[0] = 5;
  EXPECT_EQ(face("b.safetensors", "r1c2"), expected);
  EXPECT_EQ(face("b.safetensors", "r2c1")[0], -1);
}

TEST_F(LatentCommands, SweepOfAllComponentsRanksThem) {
  const std::string out =
      latent("sweep", {"--all-dims", "--top", "3", "--values", "-1,1", "--output", "all.png"});
  EXPECT_EQ(faces("all.safetensors"), 6u);
  std::istringstream lines(out);
  std::string line;
  std::getline(lines, line);
  double last = INFINITY;
  std::set<int> seen;
  for (int i = 0; i < 8; ++i) {
    int dim = -1;
    double change = -1;
    lines >> dim >> change;
    EXPECT_LE(change, last);
    EXPECT_GE(change, 0);
    last = change;
    seen.insert(dim);
    if (i >= 3) continue;
    const auto low = face("all.safetensors", concat("r", i + 1, "c1"));
    auto high = face("all.safetensors", concat("r", i + 1, "c2"));
    high[static_cast<size_t>(dim)] = -1;
    EXPECT_EQ(high, low) << "row " << i << " is of component " << dim;
  }
  EXPECT_EQ(seen, (std::set<int>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST_F(LatentCommands, AverageGivesAllComponentsOneValue) {
  latent("average", {});
  EXPECT_EQ(faces("average.safetensors"), 11u);
  EXPECT_EQ(face("average.safetensors", "average_2"), std::vector<float>(8, -0.8f));
  latent("average", {"--values", "-0.5,2", "--output", "b.png"});
  EXPECT_EQ(face("b.safetensors", "average_2"), std::vector<float>(8, 2.0f));
}

TEST_F(LatentCommands, InterpolateMakesAGridAndAFilm) {
  latent("interpolate", {"A", "B", "C", "--steps", "5", "--film", "film.png", "--film-steps", "4"});
  EXPECT_EQ(faces("interpolation.safetensors"), 10u);
  const auto a = drawn("A"), b = drawn("B"), middle = face("interpolation.safetensors", "r1c3");
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(middle[i], (a[i] + b[i]) / 2, 1e-6);
  EXPECT_EQ(face("interpolation.safetensors", "r2c5"), drawn("C"));
  EXPECT_EQ(frames("film.png"), 3 * 4);
  EXPECT_GE(load_image(dcgan_ / "film.png").width, 64);

  latent("interpolate", {"A", "B", "--method", "both", "--output", "both.png"});
  EXPECT_EQ(faces("both.safetensors"), 16u);
  EXPECT_NE(face("both.safetensors", "r1c4"), face("both.safetensors", "r2c4"));
}

TEST_F(LatentCommands, InvertFindsAFaceAndTellsHow) {
  const std::string out =
      latent("invert", {"--face", "A", "--steps", "60", "--restarts", "3", "--save-as", "found"});
  EXPECT_TRUE(contains(out, "The best of 3 descents came within ")) << out;
  EXPECT_TRUE(contains(out, "from the one behind the picture")) << out;
  EXPECT_EQ(faces("invert.safetensors"), 4u);
  EXPECT_EQ(drawn("found"), face("invert.safetensors", "found"));
  EXPECT_EQ(frames("invert-film.png"), 61);
  const Words csv = dcgan_.lines("invert.csv");
  ASSERT_EQ(csv.size(), 62u);
  EXPECT_EQ(csv[0], "step,start_1,start_2,start_3");
  const auto first_error = [](const std::string& line) { return std::stod(line.substr(line.find(',') + 1)); };
  EXPECT_LT(first_error(csv.back()), first_error(csv[1]));
  std::pair<double, int> best{INFINITY, 0};
  for (size_t i = 1; i < csv.size(); ++i) {
    std::istringstream row(csv[i].substr(csv[i].find(',') + 1));
    int start = 0;
    for (std::string error; std::getline(row, error, ',');)
      best = std::min(best, {std::stod(error), ++start});
  }
  EXPECT_EQ(drawn("found"), face("invert.safetensors", concat("start_", best.second)));
}

// Also where the seed is that of the grid: the face would be found at once. At so low a rate no descent
// leaves its beginning.
TEST_F(LatentCommands, InvertBeginsAtNoFaceOfTheGrid) {
  latent("invert", {"--face", "A", "--steps", "1", "--lr", "1e-9", "--restarts", "3"});
  for (const float x : face("invert.safetensors", "start_1")) EXPECT_NEAR(x, 0, 1e-6);
  for (const char* start : {"start_2", "start_3"}) {
    const std::vector<float> begun = face("invert.safetensors", start);
    for (const char* of_grid : {"A", "B", "C", "D"}) {
      const std::vector<float> other = drawn(of_grid);
      float most = 0;
      for (size_t i = 0; i < other.size(); ++i) most = std::max(most, std::abs(begun[i] - other[i]));
      EXPECT_GT(most, 0.1) << start << " " << of_grid;
    }
  }
}

TEST_F(LatentCommands, InvertTakesPhotosOfAnySizeAndKind) {
  for (const char* photo : {"resize_40.png", "rgb.jpg", "grey.png"}) {
    dcgan_.folder().write("photo", read_file(fixture(photo)));
    latent("invert", {"--photo", "photo", "--steps", "3", "--restarts", "1", "--force"});
    EXPECT_EQ(face("invert.safetensors", "inverted").size(), 8u) << photo;
  }
}

TEST_F(LatentCommands, FilmsOfSearchesStandBesideTheirFigures) {
  latent("invert", {"--face", "A", "--steps", "3", "--output", "one.png"});
  latent("invert", {"--face", "B", "--steps", "3", "--output", "two.png", "--film", "three.png"});
  EXPECT_EQ(frames("one-film.png"), 4);
  EXPECT_EQ(frames("three.png"), 4);
  EXPECT_FALSE(dcgan_.exists("two-film.png"));
}

TEST_F(LatentCommands, NearestFindsTheTrainingPictures) {
  const std::string out = latent("nearest", {"A", "A+B", "--neighbours", "2"});
  EXPECT_TRUE(contains(out, "synthetic: 32 drawn portraits")) << out;
  EXPECT_TRUE(contains(out, "A+B: picture ")) << out;
  EXPECT_EQ(face("nearest.safetensors", "face_1"), drawn("A"));
  dcgan_.good({"latent", "nearest", "--checkpoint", "run", "--count", "2", "--output", "b.png"});
  EXPECT_EQ(face("b.safetensors", "B"), drawn("B"));

  // A picture that is in the set is its own nearest one.
  dcgan_.good({"sample", "--checkpoint", "run", "--count", "4", "--singles", "set", "--output", "c.png"});
  const std::string copies = latent("nearest", {"C", "--data", "set", "--output", "d.png"});
  EXPECT_TRUE(contains(copies, "C: picture 2, set/sample-3.png, is nearest, 0.0 grey levels away")) << copies;
  EXPECT_TRUE(contains(out, " is nearest, ") && !contains(out, ", is nearest")) << "drawn, in no file";

  dcgan_.good(tiny_train(
      {"--data", "set", "--crop", "16", "--batch-size", "4", "--epochs", "1", "--output", "cropped"}));
  const std::string cropped =
      dcgan_.good({"latent", "nearest", "--checkpoint", "cropped", "--output", "e.png"});
  EXPECT_TRUE(contains(cropped, "central 16x16 ")) << cropped;
  EXPECT_FALSE(contains(cropped, "mirror")) << cropped;
}

TEST_F(LatentCommands, NearestKnowsWhetherTheRunMirrorsPictures) {
  dcgan_.good(tiny_train({"--hflip", "--epochs", "1", "--output", "flipped"}));
  dcgan_.good({"sample", "--checkpoint", "flipped", "--count", "1", "--singles", "set", "--output", "a.png"});
  const std::filesystem::path file = dcgan_ / "set/sample-1.png";
  write_png(dcgan_ / "set/other.png", {32, 32, 3, std::vector<uint8_t>(32 * 32 * 3, 255)});
  write_png(file, latent::mirrored(load_image(file)));
  const std::string found =
      dcgan_.good({"latent", "nearest", "--checkpoint", "flipped", "--count", "1", "--data", "set"});
  EXPECT_TRUE(contains(found, "A: picture 1, set/sample-1.png, mirrored, is nearest, 0.0 grey levels away\n"))
      << found;
  EXPECT_TRUE(contains(found, "Pictures of the set have another one or its mirror image ")) << found;
}

TEST_F(LatentCommands, WhatIsOneIsCountedAsOne) {
  const std::string drawn =
      dcgan_.good({"sample", "--checkpoint", "run", "--count", "1", "--output", "1.png"});
  EXPECT_TRUE(contains(drawn,
                       "1 picture from run/checkpoints/latest.safetensors is in 1.png, its latent by "
                       "the letter in 1.safetensors\n"))
      << drawn;
  const Words light{"light", "--factor", "background_lightness", "--steps", "2", "--count", "1"};
  const std::string found = latent("direction", light);
  EXPECT_TRUE(contains(found, "1 picture with it, ") && contains(found, "1 picture without it, ")) << found;
}

TEST_F(LatentCommands, DirectionComesFromAFactorOrTwoFolders) {
  const Words quick{"--steps", "5", "--count", "3"};
  const std::string out =
      latent("direction",
             Words{"light", "--factor", "background_lightness", "--low", "0.2", "--high", "0.9"} + quick);
  EXPECT_TRUE(contains(out, "3 pictures with it")) << out;
  EXPECT_EQ(drawn("light"), face("direction.safetensors", "light"));

  dcgan_.good({"sample", "--checkpoint", "run", "--count", "2", "--singles", "with", "--output", "a.png"});
  dcgan_.good({"sample", "--checkpoint", "run", "--seed", "5", "--singles", "without", "--output", "b.png"});
  const Words photos = Words{"both", "--with",      "with", "--without", "without", "--on",
                             "A",    "--strengths", "0,1",  "--output",  "c.png"};
  const std::string of_photos = latent("direction", photos + quick);
  EXPECT_TRUE(contains(of_photos, "2 pictures with it") && contains(of_photos, "3 pictures without it"))
      << of_photos;
  latent("eval", {"A + 2*light - both", "--output", "d.png"});
}

TEST_F(LatentCommands, DirectionLeavesOutPhotosThatCannotBeRead) {
  dcgan_.good({"sample", "--checkpoint", "run", "--count", "3", "--singles", "with", "--output", "a.png"});
  dcgan_.good({"sample", "--checkpoint", "run", "--seed", "5", "--count", "2", "--singles", "without",
               "--output", "b.png"});
  dcgan_.folder().write("with/a.jpg", "no picture");
  for (int i = 10; i < 22; ++i) dcgan_.folder().write(concat("with/b", i, ".png"), "");
  const Words direction{"latent", "direction", "--checkpoint", "run",     "--steps", "2",
                        "--with", "with",      "--without",    "without", "--count", "2"};
  const Finished found = dcgan_.run(direction + Words{"x", "--output", "c.png"});
  EXPECT_EQ(found.code, 0) << found.err;
  EXPECT_TRUE(found.err.starts_with("left out 13 that cannot be read:\n  with/a.jpg ")) << found.err;
  EXPECT_TRUE(found.err.ends_with("\n  and 3 more\n")) << found.err;
  EXPECT_TRUE(contains(found.out, "2 pictures with it, ")) << "others take their place";
  for (int i = 1; i <= 3; ++i) std::filesystem::remove(dcgan_ / concat("with/sample-", i, ".png"));
  dcgan_.bad(direction + Words{"y", "--output", "d.png"},
             "none of the 13 pictures of with, central square resized to 32x32, RGB can be read; the first: "
             "with/a.jpg ");
  EXPECT_FALSE(dcgan_.exists("d.png"));
}

TEST_F(LatentCommands, FactorsAreCorrelatedWithComponents) {
  const std::string out =
      latent("factors", {"--count", "32", "--steps", "5", "--top", "2", "--values", "-1,1"});
  EXPECT_TRUE(contains(out, "\nskin_tone ")) << out;
  // 1.96 / sqrt(32), and 2.73 of the 1 - 0.025 / 8 quantile.
  EXPECT_TRUE(contains(out, "lie within 0.35 of 0; the strongest of a factor's 8 does so within 0.48\n"))
      << out;
  EXPECT_EQ(faces("factors.safetensors"), 4u);
  const Words csv = dcgan_.lines("factors.csv");
  EXPECT_EQ(csv[0], "factor,0,1,2,3,4,5,6,7");
  EXPECT_GT(csv.size(), 20u);

  // The correlations took long, and are kept where the figure cannot be drawn.
  std::string many = "0";
  for (int i = 1; i < 400; ++i) many += ",0";
  dcgan_.bad({"latent", "factors", "--checkpoint", "run", "--count", "32", "--steps", "1", "--values", many,
              "--zoom", "32", "--output", "b.png"},
             "");
  EXPECT_EQ(dcgan_.lines("b.csv").size(), csv.size());
}

TEST_F(LatentCommands, TheSameCommandGivesTheSameBytes) {
  for (const Words& command :
       std::vector<Words>{{"sweep", "--dim", "2", "--output", "x.png"},
                          {"invert", "--face", "B", "--steps", "20", "--output", "x.png"},
                          {"interpolate", "A", "B", "--film", "x-film.png", "--output", "x.png"}}) {
    const auto run = [&] {
      latent(command[0], Words(command.begin() + 1, command.end()) + Words{"--force"});
      return std::pair(dcgan_.bytes("x.png"), dcgan_.bytes("x.safetensors"));
    };
    EXPECT_EQ(run(), run()) << command[0];
  }
}

}  // namespace
}  // namespace duel
