// dcgan latent: what is wrong is named in one line, and nothing is written or overwritten.
#include "lib/io/safetensors.h"
#include "tests/dcgan_program.h"

namespace duel {
namespace {

class LatentBadInput : public testing::Test {
 protected:
  void SetUp() override {
    dcgan_.good(tiny_train({"--epochs", "1", "--output", "run"}));
    dcgan_.good({"sample", "--checkpoint", "run", "--count", "3"});
    before_ = dcgan_.names(".");
  }
  void TearDown() override {
    Words added = dcgan_.names(".");
    for (const std::string& name : before_) std::erase(added, name);
    std::erase(added, "stdout");
    std::erase(added, "stderr");
    EXPECT_EQ(added, Words{}) << "a command that failed has written a file";
  }

  /// Runs what must fail, and name `part`. Names are the grid's.
  void bad(const Words& words, const std::string& part) const {
    dcgan_.bad(Words{"latent"} + words + Words{"--checkpoint", "run"}, part);
  }
  /// Likewise where names are to be added to the grid's.
  void bad_name(const Words& words, const std::string& part) const {
    bad(words + Words{"--names", "samples.safetensors"}, part);
  }
  /// A file that the test itself writes.
  void write(const std::string& name, const std::vector<uint8_t>& bytes) {
    dcgan_.folder().write(name, bytes);
    before_.push_back(name.substr(0, name.find('/')));
  }

  Program dcgan_;
  Words before_;
};

std::string long_sum(const std::string& term, int count) {
  std::string text = term;
  for (int i = 1; i < count; ++i) text += "+" + term;
  return text;
}

TEST_F(LatentBadInput, WrongCommandLines) {
  dcgan_.bad({"latent"}, "A subcommand of latent is required");
  dcgan_.bad({"latent", "dance"}, "dance");
  dcgan_.bad({"latent", "average"}, "--checkpoint");
  for (const char* command :
       {"name", "eval", "sweep", "average", "interpolate", "invert", "nearest", "direction", "factors"}) {
    bad({command, "A", "--colour"}, "--colour");
    const std::string help = dcgan_.good({"latent", command, "--help"});
    for (const char* option : {"--checkpoint", "--output", "--zoom", "--force", "--device"})
      EXPECT_TRUE(contains(help, option)) << command << " " << option;
    // What looks up no face and names none has no names.
    const std::string name = command;
    EXPECT_EQ(contains(help, "--names "), name != "average" && name != "factors") << command;
    // A word behind the file would be taken for an expression.
    EXPECT_FALSE(contains(help, "--names TEXT ...")) << command;
  }
}

TEST_F(LatentBadInput, Expressions) {
  bad({"eval", "abs(A - B"}, "\"abs(A - B\", column 10: expected ')'");
  bad({"eval", "A", "B ++ C"}, "\"B ++ C\", column 4: expected a name");
  bad({"eval", "A + Q"}, "column 5: nothing is named 'Q'; there are: A, B, C");
  bad({"eval", "A / 0"}, "column 3: division by zero");
  bad({"eval", long_sum("A", 20000)}, "column 2002: there are more than 1000 operations");
  bad({"eval", "norm(A)", "--save-as", "N"}, "is the number");
  bad({"eval", "A", "B", "--save-as", "N"}, "--save-as has 1 name for 2 expressions");
  bad({"eval", "A", "B", "--save-as", "N", "--save-as", "N"}, "--save-as gives the name N twice");
  bad({"eval", "A", "--save-as", "norm"}, "'norm' cannot be a name");
  bad({"eval", "-A +"}, "\"-A +\", column 5: expected a name, a number or '(', found the end");
  bad({"eval", "--A"}, "--A: there is no such option; an expression that begins with -- is written in");
  bad({"eval", "A +\n\xc3\xa9"},
      "\"A +\\n\xc3\xa9\", column 4: expected a name, a number or '(', found '\\n'");
  std::filesystem::rename(dcgan_ / "samples.safetensors", dcgan_ / "run/samples.safetensors");
  dcgan_.bad(
      {"latent", "eval", "A", "--checkpoint", "run"},
      "column 1: nothing is named 'A'; there are no names: dcgan sample and dcgan latent name make them");
}

TEST_F(LatentBadInput, NamesThatAreUnknownOrCannotBe) {
  bad({"interpolate", "A", "Q"}, "nothing is named 'Q'");
  bad({"interpolate", "A"}, "at least two faces");
  bad({"sweep", "--dim", "1", "--around", "Q"}, "nothing is named 'Q'");
  bad({"nearest", "Q"}, "nothing is named 'Q'");
  bad({"invert", "--face", "Q"}, "nothing is named 'Q'");
  bad({"name", "G=grid:Q"}, "G=grid:Q: samples.safetensors has no picture 'Q'; there are: A, B, C");
  bad({"name", "G=grid:A", "--grid", "none.safetensors"}, "none.safetensors");
  bad({"name", "2G=grid:A"},
      "'2G' cannot be a name: a name is a letter or '_' and then letters, digits and '_'");
  bad({"name", "G"}, "'G': write NAME=seed:NUMBER or NAME=grid:LETTERS");
  bad({"name", "G=17"}, "a face is seed:NUMBER or grid:LETTERS, got '17'");
  bad({"name", "G=seed:-1"}, "a seed is a whole number of at least 0, got '-1'");
  bad({"name", "G=seed:1", "G=seed:2"}, "the name G is given twice");
  bad({"name", "G=seed:1", "--names", "a.safetensors", "--names", "b.safetensors"},
      "--names is given 2 times: new names go to one file; give that alone");
}

TEST_F(LatentBadInput, NumbersOutOfRange) {
  bad({"sweep", "--dim", "8"},
      "there is no component 8: this checkpoint's latents have the components 0 to 7");
  bad({"sweep", "--dim", "-1"}, "--dim: must be a whole number of at least 0");
  bad({"sweep"}, "--dim N");
  bad({"sweep", "--dim", "1", "--all-dims"}, "--dim cannot be given with --all-dims");
  bad({"sweep", "--dim", "1", "--mid", "0.1,x"}, "--mid must be numbers");
  bad({"sweep", "--dim", "1", "--quantiles", "0:1:8"}, "--quantiles must be shares between 0 and 1");
  bad({"sweep", "--dim", "1", "--values", ""}, "--values");
  bad({"sweep", "--all-dims", "--values", "1"}, "--all-dims compares the pictures at the least and the");
  bad({"average", "--values", "1e39"}, "--values must be numbers within single precision, got 1e39");
  bad({"average", "--values", "1,,2"}, "--values must be numbers");
  bad({"average", "--zoom", "99"}, "--zoom");
  bad({"interpolate", "A", "B", "--steps", "1"}, "--steps");
  bad({"interpolate", "A", "B", "--method", "jump"}, "--method");
  bad({"invert", "--face", "A", "--restarts", "0"}, "--restarts");
  bad({"invert", "--face", "A", "--lr", "0"}, "--lr");
}

TEST_F(LatentBadInput, PhotosAndSets) {
  write("photo.png", read_file(fixture("resize_16.png")));
  write("text.png", {'n', 'o'});
  bad({"invert"}, "either --photo FILE or --face NAME");
  bad({"invert", "--photo", "none.png"}, "none.png");
  bad({"invert", "--photo", "text.png"}, "text.png is not a JPEG, PNG");
  bad({"invert", "--photo", "photo.png", "--crop", "40"},
      "photo.png is 16x16 pixels, smaller than the crop of 40x40");
  bad({"invert", "--photo", "photo.png", "--face", "A"}, "--face");
  bad({"nearest", "A", "--data", "nowhere"}, "nowhere");
  bad({"direction", "x"}, "either --factor NAME, or two folders");
  bad({"direction", "x", "--with", "run/samples"}, "either --factor NAME, or two folders");
  bad({"direction", "x", "--with", "run/samples", "--without", "nowhere"}, "nowhere");
  bad({"direction", "x", "--factor", "nose"}, "there is no factor 'nose'; there are: skin_tone");
  bad({"direction", "x", "--factor", "smile", "--high", "7"}, "--high of smile must be -0.5 to 1; got '7'");
  bad({"factors", "--count", "33"}, "--count 33 is more than the 32 pictures of the synthetic set");
  bad({"factors", "--count", "31"}, "--count");
  dcgan_.bad({"latent", "factors", "--checkpoint", "nowhere", "--values", "1,x"}, "--values must be numbers");
  bad({"nearest", "A", "--data", "nowhere"}, "cannot read the data in nowhere: No such file or directory\n");
  bad({"direction", "x", "--factor", "smile", "--low", "0.5", "--high", "0.5"},
      "--low and --high are both 0.5 of smile: no direction leads from pictures to themselves");
  bad({"direction", "x", "--factor", "smile", "--low", "1"}, "--low and --high are both 1 of smile");
  bad({"direction", "x", "--with", "run/samples", "--without", "run/../run/samples"},
      "--with and --without are one folder, run/samples: no direction");
  dcgan_.folder().write("run/photos/a.png", read_file(dcgan_ / "run/samples/epoch-0001.png"));
  dcgan_.folder().write("run/copies/b.png", read_file(dcgan_ / "run/samples/epoch-0001.png"));
  bad({"direction", "x", "--with", "run/photos", "--without", "run/copies", "--steps", "2"},
      "x would be no direction: the pictures with it and those without it have the same mean z");
  bad({"direction", "a-b", "--factor", "smile"}, "'a-b' cannot be a name");
}

TEST_F(LatentBadInput, CheckpointsAndNamesThatDoNotFit) {
  dcgan_.good(tiny_train({"--epochs", "1", "--output", "run/wide", "--z-dim", "9"}));
  const Words eval{"latent", "eval", "A", "--names", "samples.safetensors", "--checkpoint"};
  dcgan_.bad(eval + Words{"run/wide"},
             "samples.safetensors: A has 8 components, this checkpoint's latents have 9");
  dcgan_.bad(eval + Words{"nowhere"}, "nowhere: there is no such file or run folder");
  dcgan_.bad(eval + Words{"samples.safetensors"}, "is not a checkpoint of dcgan");
  dcgan_.bad({"latent", "eval", "A", "--checkpoint", "run", "--names", "none.safetensors"},
             "none.safetensors");
  dcgan_.bad({"latent", "eval", "A", "--checkpoint", "run", "--names", "run/networks.safetensors"},
             "run/networks.safetensors: is no file of names");
  dcgan_.good({"sample", "--checkpoint", "run", "--seed", "1", "--count", "1", "--output", "run/other.png"});
  bad_name({"eval", "A", "--names", "run/other.safetensors"}, "the name A stands for different faces");
}

TEST_F(LatentBadInput, OutputsThatCannotBe) {
  bad({"average", "--output", "a.jpg"},
      "--output: a.jpg would be no .jpg: pictures and films are written as PNG; name it a.png");
  bad({"interpolate", "A", "B", "--film", "out.v1.GIF"}, "--film: out.v1.GIF would be no .gif: pictures and");
  bad({"average", "--output", "nodir/a.png"},
      "--output: nodir/a.png cannot be written, as there is no folder");
  bad({"invert", "--face", "A", "--output", "nodir/a.png"}, "there is no folder nodir; make it first");
  bad({"invert", "--face", "A", "--film", "nodir/a.png"}, "--film: nodir/a.png");
  bad({"factors", "--output", "nodir/a.png"}, "nodir/a.png");
  bad({"eval", "A", "--output", "run", "--force"}, "--output: run is a folder");
  bad({"interpolate", "A", "B", "--output", "a.png", "--film", "./a.png"},
      "--output and --film would be one file, a.png; give them different names");
  bad_name({"eval", "A", "--output", "samples.png", "--force"},
           "the latents beside --output and --names would be one file, samples.safetensors");
  bad({"invert", "--face", "A", "--output", "a.png", "--film", "a.csv"},
      "the errors beside --output and --film would be one file");
  dcgan_.bad({"latent", "name", "G=seed:1", "--checkpoint", "run", "--output", "a.png", "--names", "a.png"},
             "--output and --names would be one file");
  dcgan_.bad({"latent", "average", "--checkpoint", "run", "--output", "names.png"},
             "the latents beside --output and the file of names would be one file, names.safetensors");
  dcgan_.bad({"latent", "average", "--checkpoint", "run", "--output", "samples.png", "--force"},
             "the latents beside --output and the latents of sample's grid would be one file");
  dcgan_.bad({"latent", "invert", "--checkpoint", "run", "--photo", "a.png", "--output", "a.png", "--force"},
             "--output and --photo would be one file, a.png");
  dcgan_.bad({"latent", "name", "G=seed:1", "--checkpoint", "run", "--names", "nodir/n.safetensors"},
             "--names: nodir/n.safetensors cannot be written, as there is no folder nodir");
}

TEST_F(LatentBadInput, NothingIsOverwrittenUnlessForced) {
  write("there.png", {});
  const auto samples = dcgan_.bytes("samples.safetensors");
  for (const Words& command : std::vector<Words>{{"name", "G=seed:1"},
                                                 {"eval", "A"},
                                                 {"sweep", "--dim", "1"},
                                                 {"average"},
                                                 {"interpolate", "A", "B"},
                                                 {"invert", "--face", "A"},
                                                 {"nearest", "A"},
                                                 {"direction", "x", "--factor", "smile"},
                                                 {"factors"}})
    bad(command + Words{"--output", "there.png"}, "there.png is already there; --force overwrites it");
  write("film.png", {});
  write("a.csv", {});
  write("b.safetensors", {});
  bad({"interpolate", "A", "B", "--film", "film.png"}, "film.png is already there");
  bad({"invert", "--face", "A", "--film", "film.png"}, "film.png is already there");
  bad({"invert", "--face", "A", "--output", "a.png"}, "a.csv is already there");
  bad({"average", "--output", "b.png"}, "b.safetensors is already there");
  bad({"average", "--output", "c.safetensors"}, "is the name of the figure");
  bad_name({"eval", "A+B", "--save-as", "C"},
           "samples.safetensors already has another C; --force replaces it");
  bad_name({"name", "A=seed:9"}, "samples.safetensors already has another A; --force replaces it");
  bad_name({"invert", "--face", "B", "--save-as", "A"}, "samples.safetensors already has a face named A");
  bad_name({"direction", "A", "--factor", "smile"}, "samples.safetensors already has a face named A");
  EXPECT_EQ(samples, dcgan_.bytes("samples.safetensors"));
  EXPECT_TRUE(dcgan_.bytes("film.png").empty());
}

}  // namespace
}  // namespace duel
