// The command line of dcgan: help, wrong options, and the commands info and gradcheck.
#include "tests/dcgan_program.h"

namespace duel {
namespace {

TEST(AppCommands, EachHelpListsItsOptions) {
  const Program dcgan;
  const std::string all = dcgan.good({"--help"});
  const std::vector<std::pair<std::string, Words>> commands{
      {"train", {"--data",           "--recipe",
                 "--image-size",     "--epochs",
                 "--batch-size",     "--lr",
                 "--betas",          "--z-dim",
                 "--g-dim",          "--d-dim",
                 "--seed",           "--threads",
                 "--device",         "--output",
                 "--resume",         "--init",
                 "--keep",           "--crop",
                 "--hflip",          "--log-every",
                 "--channels",       "--synthetic-count",
                 "--init-std",       "--eps",
                 "--negative-slope", "--bn-eps",
                 "--bn-momentum",    "--sample-count"}},
      {"sample",
       {"--checkpoint", "--count", "--seed", "--z", "--save-z", "--save-images", "--output", "--columns",
        "--singles", "--batch-size", "--device", "--threads", "--names", "--plain", "--force"}},
      {"info", {"--recipe", "--checkpoint", "--image-size", "--channels", "--batch-size"}},
      {"gradcheck", {"--op", "--elements", "--seed", "--batch-size", "--g-dim", "--device"}}};
  for (const auto& [command, options] : commands) {
    EXPECT_TRUE(contains(all, command));
    const std::string help = dcgan.good({command, "--help"});
    for (const std::string& option : options)
      EXPECT_TRUE(contains(help, "  " + option)) << command << " " << option;
  }
}

TEST(AppCommands, TellsItsVersion) {
  const Program dcgan;
  EXPECT_TRUE(dcgan.good({"--version"}).starts_with("dcgan ")) << dcgan.text("stdout");
}

TEST(AppCommands, OutputThatIsLostIsAFailure) {
  const Program dcgan;
  dcgan.folder().write("run/config.json", "{\"epochs\": 5}");
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  for (const Words& words : std::vector<Words>{{"info", "--json"},
                                               {"--help"},
                                               {"--version"},
                                               {"train", "--help"},
                                               {"report", "run"},
                                               {"gradcheck", "--op", "abs"}})
    for (const int out : {full, -1}) {
      const Finished finished = dcgan.run_with_stdout(out, words);
      EXPECT_EQ(finished.code, 1) << words[0];
      EXPECT_TRUE(finished.err.starts_with("dcgan: stdout could not be written")) << finished.err;
      EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
    }
  ::close(full);
  // A closed stdout leaves its number to no file that the program writes.
  EXPECT_TRUE(dcgan.text("run/report.html").starts_with("<!DOCTYPE html>"));
  EXPECT_FALSE(contains(dcgan.text("run/report.html"), "The report is in"));
}

TEST(AppCommands, AWrongCommandLineIsNamedInOneLine) {
  const Program dcgan;
  dcgan.bad({}, "subcommand");
  dcgan.bad({"draw"}, "draw");
  for (const char* command : {"train", "info", "gradcheck"}) dcgan.bad({command, "--colour"}, "--colour");
  dcgan.bad({"sample", "--checkpoint", "a", "--colour"}, "--colour");
  dcgan.bad({"train", "--epochs"}, "--epochs");
  dcgan.bad({"train", "--epochs", "many"}, "--epochs");
  dcgan.bad({"train", "--epochs", "1.5"}, "--epochs");
  dcgan.bad({"train", "--betas", "0.5"}, "--betas");
  dcgan.bad({"train", "--seed", "-1"}, "--seed");
  dcgan.bad({"train", "--threads", "-1"}, "--threads");
  dcgan.bad({"train", "--resume", "a", "--output", "b"}, "--output");
  dcgan.bad({"train", "--resume", "a", "--init", "b"}, "--init");
  dcgan.bad({"sample"}, "--checkpoint");
  dcgan.bad({"sample", "--checkpoint", "a", "--count", "0"}, "--count: must be a whole number of at least 1");
  dcgan.bad({"sample", "--checkpoint", "a", "--z", "b", "--seed", "1"}, "--z");
  EXPECT_FALSE(dcgan.exists("runs"));
}

TEST(AppCommands, ANumberOutOfRangeIsNamedBeforeAnythingIsWritten) {
  const Program dcgan;
  const std::vector<std::pair<Words, std::string>> wrong{
      {{"--image-size", "48"}, "--image-size must be 32, 64 or 128"},
      {{"--batch-size", "1"}, "--batch-size must be at least 2"},
      {{"--batch-size", "64"}, "--batch-size 64 is more than the 32 pictures"},
      {{"--channels", "2"}, "--channels must be 1 (grey) or 3 (RGB), got 2"},
      {{"--lr", "-1"}, "--lr or --lr-g must be at least 0, got -1"},
      {{"--lr-d", "-1"}, "--lr or --lr-d must be at least 0, got -1"},
      {{"--lr", "nan"}, "--lr"},
      {{"--betas", "0.5,1"}, "--betas: the second"},
      {{"--epochs", "-1"}, "--epochs must be at least 0"},
      {{"--device", "gpu"}, "--device must be auto, cpu, cuda or cuda:N, got 'gpu'"},
      {{"--epochs", "9223372036854775807"}, "--epochs must be at most 1000000000, got 9223372036854775807"},
      {{"--steps", "9223372036854775807"}, "--steps must be at most"},
      {{"--sample-count", "1000000000"}, "--sample-count must be at most 10000"},
      {{"--synthetic-count", "9223372036854775807"}, "--synthetic-count must be at most 10000000"},
      {{"--batch-size", "9223372036854775807"}, "--batch-size must be at most"},
      {{"--z-dim", "9223372036854775807"}, "--z-dim must be at most"},
      {{"--alpha", "0.5"}, "--alpha, --clip-value and --decay belong to RMSprop"},
      {{"--recipe", "anime64", "--betas", "0.4,0.9"}, "--betas belong to Adam"},
      {{"--recipe", "cats"}, "--recipe takes: celeba32"}};
  for (const auto& [words, message] : wrong) {
    Words base{"train", "--g-dim", "4", "--d-dim", "4"};
    if (words[0] != "--synthetic-count") base = base + Words{"--synthetic-count", "32"};
    dcgan.bad(base + words, message);
  }
  EXPECT_FALSE(dcgan.exists("runs"));
}

TEST(AppCommands, ValuesThatNoOptionCanHave) {
  const Program dcgan;
  const std::string empty = "must not be empty", whole = "must be a whole number from ",
                    finite = "must be a finite number within single precision, got ";
  const std::string huge = "18446744073709551616";  // 2^64
  const std::vector<std::pair<Words, std::string>> wrong{
      {{"evaluate", "--checkpoint", "a", "--json", ""}, "--json: " + empty},
      {{"evaluate", "--checkpoint", ""}, "--checkpoint: " + empty},
      {{"gradcheck", "--op", ""}, "--op: " + empty},
      {{"sample", "--checkpoint", "a", "--singles", ""}, "--singles: " + empty},
      {{"train", "--lr", ""}, "--lr: " + empty},
      {{"train", "--steps", ""}, "--steps: " + empty},
      {{"train", "--epochs", "010"}, "--epochs: is written without leading zeros, got 010"},
      {{"train", "--crop", "-08"}, "--crop: is written without leading zeros, got -08"},
      {{"sample", "--checkpoint", "a", "--count", "0100"}, "--count: is written without leading zeros"},
      {{"report", ""}, "runs: " + empty},
      {{"report", "a", "--output", ""}, "--output: " + empty},
      {{"train", "--output", ""}, "--output: " + empty},
      {{"train", "--resume", ""}, "--resume: " + empty},
      {{"train", "--data", ""}, "--data: " + empty},
      {{"latent", "eval", "A", "--checkpoint", "a", "--names", ""}, "--names: " + empty},
      {{"train", "--seed", huge}, "--seed: " + whole + "0 to 18446744073709551615, got " + huge},
      {{"sample", "--checkpoint", "a", "--seed", huge}, "--seed: " + whole},
      {{"train", "--epochs", huge}, "--epochs: " + whole + "-9223372036854775808 to 9223372036854775807"},
      {{"train", "--crop", "-" + huge}, "--crop: " + whole},
      {{"train", "--keep-at", "1," + huge}, "--keep-at must be whole numbers below 2^53, got"},
      {{"sample", "--checkpoint", "a", "--count", huge},
       "--count: must be a whole number of at most 1000000"},
      {{"sample", "--checkpoint", "a", "--mean", "nan"}, "--mean: " + finite + "nan"},
      {{"sample", "--checkpoint", "a", "--mean", "inf"}, "--mean: " + finite + "inf"},
      {{"sample", "--checkpoint", "a", "--std", "nan"}, "--std: must be a number from 0 to 1e+06, got nan"},
      {{"latent", "invert", "--checkpoint", "a", "--bound", "nan"},
       "--bound: must be a number from 0 to 1e+06, got nan"},
      {{"train", "--lr", "inf"}, "--lr: " + finite},
      {{"train", "--lr", "1e300"}, "--lr: " + finite},
      {{"train", "--betas", "0.5,nan"}, "--betas"},
      {{"train", "--negative-slope", "inf"}, "--negative-slope: " + finite},
      {{"train", "--label-fake", "inf"}, "--label-fake: " + finite}};
  for (const auto& [words, message] : wrong) dcgan.bad(words, message);
  EXPECT_FALSE(dcgan.exists("runs"));
  dcgan.good(tiny_train({"--seed", "18446744073709551615", "--epochs", "0", "--output", "run"}));
  EXPECT_TRUE(contains(dcgan.text("run/config.json"), "18446744073709551615"));
}

TEST(AppCommands, WordsThatFitNoOption) {
  const Program dcgan;
  const std::vector<std::pair<Words, std::string>> wrong{
      {{"train", "--epoc", "1"}, "there is no such option or argument: --epoc 1"},
      {{"trai"}, "there is no such option or argument: trai"},
      {{"train", "--image-size", "abc"}, "--image-size: must be a whole number, got 'abc'"},
      {{"train", "--image-size", "32.5"}, "--image-size: must be a whole number, got '32.5'"},
      {{"train", "--lr", "abc"}, "--lr: must be a number, got 'abc'"},
      {{"train", "--hflip=x"}, "--hflip takes no value, got 'x'"},
      {{"train", "--epochs", "1", "--epochs", "2"}, "--epochs is given more than once"},
      {{"train", "--recipe="}, "--recipe needs a value"},
      {{"train", "--threads", "1025"}, "--threads: must be a whole number of at most 1024, got 1025"},
      {{"latent", "invert", "--checkpoint", "a", "--lr", "0"}, "--lr: must be greater than 0, got 0"},
      {{"sample", "--checkpoint", "a", "--std", "-1"}, "--std: must be a number from 0 to 1e+06, got -1"},
      {{"train", "--betas", "0.5,,0.9"}, "--betas must be numbers with commas between them, got ''"},
      {{"train", "--betas", "0.5,0.9,0.9"}, "--betas must be two numbers, A,B, got 3"},
      {{"train", "--keep-at", "1,"}, "--keep-at must be numbers with commas between them, got ''"},
      {{"train", "--keep-at", "1.5"}, "--keep-at must be whole numbers below 2^53, got 1.5"}};
  for (const auto& [words, message] : wrong) dcgan.bad(words, message);
  EXPECT_FALSE(dcgan.exists("runs"));
}

TEST(AppCommands, AProcessorThatIsNoneIsSaidByAll) {
  const Program dcgan;
  ::setenv("DUEL_CPU", "abacus", 1);
  for (const Words& words : {Words{"info"}, {"gradcheck", "--op", "relu"}, tiny_train({})})
    dcgan.bad(words, "DUEL_CPU=abacus: unknown; one of amx, avx512, avx2, portable");
  ::unsetenv("DUEL_CPU");
}

TEST(AppCommands, InfoShowsNetworksOfTheRecipe) {
  const Program dcgan;
  const std::string standard = dcgan.good({"info", "--batch-size", "2"});
  EXPECT_TRUE(contains(standard, "663,297")) << standard;
  EXPECT_TRUE(contains(standard, "2,963,328")) << standard;
  EXPECT_TRUE(contains(standard, "GFLOP"));
  const Words small{"info", "--g-dim", "4", "--d-dim", "4", "--batch-size", "2"};
  EXPECT_TRUE(contains(dcgan.good(small + Words{"--image-size", "64"}), "3 x 64 x 64"));
  EXPECT_TRUE(contains(dcgan.good(small + Words{"--image-size", "128", "--channels", "1"}), "1 x 128 x 128"));
  dcgan.bad({"info", "--checkpoint", "a", "--bn-eps", "1"},
            "--bn-eps has no effect with --checkpoint; leave one of them out");
}

TEST(AppCommands, InfoShowsNetworksOfACheckpoint) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--channels", "1", "--output", "run"}));
  for (const char* path : {"run", "run/networks.safetensors", "run/checkpoints/epoch-0001.safetensors"}) {
    const std::string text = dcgan.good({"info", "--checkpoint", path});
    EXPECT_TRUE(contains(text, "1 x 32 x 32")) << text;
    EXPECT_TRUE(contains(text, "An iteration on 8 pictures")) << text;
  }
}

TEST(AppCommands, ConvDecidesHowTrainingConvolves) {
  const Program dcgan;
  const auto networks = [&](const std::string& conv, const std::string& folder) {
    dcgan.good(tiny_train({"--epochs", "1", "--conv", conv, "--output", folder}));
    return dcgan.bytes(folder + "/networks.safetensors");
  };
  const auto filtered = networks("filtered", "a");
  EXPECT_EQ(filtered, networks("filtered", "b"));
  EXPECT_NE(filtered, networks("im2col", "c"));  // which sums in another order
}

TEST(AppCommands, GradcheckPassesForOneOpAndKnowsNoOther) {
  const Program dcgan;
  const std::string table = dcgan.good({"gradcheck", "--op", "conv2d", "--threads", "1"});
  EXPECT_TRUE(contains(table, "conv2d")) << table;
  EXPECT_TRUE(contains(table, " ok ")) << table;
  EXPECT_FALSE(contains(table, "FAIL")) << table;
  dcgan.bad({"gradcheck", "--op", "conv3d"}, "--op: there is no op 'conv3d', it takes one of: abs add ");
}

}  // namespace
}  // namespace duel
