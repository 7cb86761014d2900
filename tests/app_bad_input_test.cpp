// What goes wrong around a run ends in one line that says what it was, and loses nothing.
#include <cstdlib>
#include <limits>
#include <tuple>

#include "apps/gan/checkpoint.h"
#include "apps/gan/json.h"
#include "apps/gan/trainer.h"
#include "lib/io/file.h"
#include "lib/io/safetensors.h"
#include "tests/dcgan_program.h"

namespace duel {
namespace {

void copy_pictures(const Program& dcgan, int count) {
  for (int i = 0; i < count; ++i)
    dcgan.folder().write(concat("data/", i, ".png"), read_file(fixture("rgb.png")));
}

/// Spoils one tensor of a checkpoint: a moment of Adam, say, so that the next step breaks the weights.
void make_infinite(const std::filesystem::path& path, const std::string& name) {
  const SafetensorsFile file = read_safetensors(path);
  const Tensor& tensor = file.at(name);
  tensor.copy_from(Tensor::full(tensor.shape(), std::numeric_limits<double>::infinity()));
  write_safetensors(path, file.tensors, file.metadata);
}

TEST(AppBadInput, DataThatAreNone) {
  const Program dcgan;
  dcgan.folder().write("texts/a.txt", "no picture");
  dcgan.folder().write("idx/train-images-idx3-ubyte",
                       std::string_view("\0\0\10\3\0\0\0\2\0\0\0\34\0\0\0\34rest", 20));
  dcgan.folder().write("cifar/data_batch_1.bin", std::string(3073 + 5, 'x'));
  dcgan.bad(tiny_train({"--data", "nowhere"}), "cannot read the data in nowhere");
  dcgan.bad(tiny_train({"--data", "texts"}), "no pictures in texts");
  dcgan.bad(tiny_train({"--data", "texts/a.txt"}), "texts/a.txt is no set of pictures");
  dcgan.bad(tiny_train({"--data", "idx"}), "idx/train-images-idx3-ubyte is 20 bytes long");
  dcgan.bad(tiny_train({"--data", "cifar"}), "cifar/data_batch_1.bin");
  copy_pictures(dcgan, 2);
  dcgan.bad(tiny_train({"--data", "data", "--crop", "1000"}), "use a smaller crop (--crop)");
  EXPECT_FALSE(dcgan.exists("runs"));
}

TEST(AppBadInput, MachinesThatLackSomethingAreToldByWhichOptionToGoOn) {
  const Program dcgan;
  dcgan.bad(tiny_train({"--device", "cpu", "--precision", "tf32"}), "fp32 or bf16 (--precision fp32)");
  dcgan.bad(tiny_train({"--device", "cuda:99"}), "the CPU (--device cpu)");
  // More than addresses reach. Not by bad(): the address sanitizer has a line of its own to say.
  const Finished finished = dcgan.run(tiny_train({"--g-dim", "300000"}));
  EXPECT_EQ(finished.code, 1);
  EXPECT_TRUE(finished.err.ends_with("; smaller batches need less (--batch-size)\n")) << finished.err;
}

TEST(AppBadInput, WhatNeedsLessMemoryIsWhatTheCommandHas) {
  const Program dcgan;
  // Two layers between which a picture has more pixels than there are addresses. Not by bad(), as above.
  gan::Config config;
  config.d_dim = 4;
  config.synthetic_count = 32;
  config.generator = gan::parse_json(R"([
    {"type": "Linear", "out_features": 4}, {"type": "Unflatten", "unflattened_size": [1, 2, 2]},
    {"type": "ConvTranspose2d", "out_channels": 1, "kernel_size": 1, "stride": 31000000},
    {"type": "Conv2d", "out_channels": 3, "kernel_size": 1, "stride": 1000000}])",
                                     "layers");
  gan::Trainer trainer(config);
  gan::save_networks(dcgan / "large.safetensors", trainer);
  const auto ends = [&](const Words& command, const std::string& end) {
    const Finished finished = dcgan.run(command + Words{"--checkpoint", "large.safetensors"});
    EXPECT_EQ(finished.code, 1) << command[0];
    EXPECT_TRUE(contains(finished.err, "out of memory: asked for ")) << finished.err;
    EXPECT_TRUE(finished.err.ends_with(end + "\n")) << finished.err;
  };
  ends({"evaluate"}, "; fewer pictures need less (--count)");
  ends({"sample"}, "; smaller batches or fewer pictures need less (--batch-size, --count)");
  ends({"latent", "nearest"}, "; fewer pictures need less (--count)");
  ends({"latent", "invert", "--photo", fixture("rgb.png").string()},
       "; fewer descents need less (--restarts)");
}

TEST(AppBadInput, BadPicturesAreSkippedCountedAndNamed) {
  const Program dcgan;
  copy_pictures(dcgan, 9);
  auto half = read_file(fixture("rgb.jpg"));
  half.resize(half.size() / 2);
  dcgan.folder().write("data/half.jpg", half);
  dcgan.folder().write("data/empty.png", "");
  dcgan.folder().write("data/label.png", "this is a text");
  dcgan.folder().write("data/new.webp", "what cannot be read");
  for (int i = 0; i < 9; ++i) dcgan.folder().write(concat("data/more", i, ".png"), "");
  const Finished finished = dcgan.run(tiny_train({"--data", "data", "--epochs", "1", "--output", "run"}));
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_TRUE(finished.err.starts_with("passed by 1 file with another ending (.webp)\n")) << finished.err;
  EXPECT_TRUE(contains(finished.err, "left out 12 that cannot be read")) << finished.err;
  EXPECT_TRUE(contains(finished.err, "\n  and 2 more\n")) << finished.err;
  for (const char* name : {"data/half.jpg", "data/empty.png", "data/label.png"})
    EXPECT_TRUE(contains(finished.err, name)) << finished.err;
  EXPECT_TRUE(dcgan.exists("run/networks.safetensors"));
}

TEST(AppBadInput, AFolderThatCannotBeWritten) {
  const Program dcgan;
  dcgan.folder().write("file", "");
  EXPECT_TRUE(contains(dcgan.bad(tiny_train({"--output", "file/run"}), "file/run"),
                       "choose another place with --output"));
}

TEST(AppBadInput, AFolderWithOtherFilesIsNotTaken) {
  const Program dcgan;
  dcgan.folder().write("mine/samples/epoch-0007.png", "a picture");
  dcgan.folder().write("theirs/report.html", "a page");
  dcgan.folder().write("theirs/old.png.tmp-1", "a picture, too");
  for (const char* folder : {"mine", "theirs"}) {
    const std::string message =
        concat(folder, ": is not empty and holds no run; name a new or an empty folder with --output");
    dcgan.bad(tiny_train({"--output", folder}), message);
    dcgan.bad(tiny_train({"--output", folder, "--data", "nowhere"}), message);  // before the data are read
    dcgan.bad({"lab", "sigmoid-nan", "--output", folder}, message);
  }
  EXPECT_EQ(dcgan.text("mine/samples/epoch-0007.png"), "a picture");
  EXPECT_EQ(dcgan.text("theirs/report.html"), "a page");
  EXPECT_TRUE(dcgan.exists("theirs/old.png.tmp-1"));
  std::filesystem::create_directories(dcgan / "begun/samples");  // by a run that could write no more
  dcgan.folder().write("begun/config.json.tmp-1-0", "{");
  dcgan.good(tiny_train({"--epochs", "0", "--output", "begun"}));
}

TEST(AppBadInput, PartsOfARunAreNotWrittenOver) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  for (const char* part : {"run/metrics.csv", "run/config.json", "run/networks.safetensors",
                           "run/checkpoints/latest.safetensors"}) {
    const auto before = dcgan.bytes(part);
    dcgan.bad({"report", "run", "--output", part, "--force"}, concat(part, " is a part of the run there"));
    EXPECT_EQ(dcgan.bytes(part), before);
  }
}

TEST(AppBadInput, ALabIsNotContinued) {
  const Program dcgan;
  dcgan.good({"lab", "sigmoid-nan", "--epochs", "1", "--output", "lab"});
  dcgan.bad(
      {"lab", "sigmoid-nan", "--epochs", "1", "--output", "lab"},
      "lab: already holds a run, and a lab begins anew each time; delete it by rm -r lab, or name another "
      "folder with --output\n");
  dcgan.bad({"train", "--resume", "lab", "--epochs", "2"}, "lab: is the run of a lab");
  dcgan.good(tiny_train({"--epochs", "0", "--output", "run"}));
  const std::string line = dcgan.bad({"lab", "sigmoid-nan", "--output", "run"},
                                     "run: already holds a run, which is no lab's; name another folder with");
  EXPECT_FALSE(contains(line, "rm")) << line;
}

TEST(AppBadInput, WhatEvaluationNeedsIsSaidBeforeAFolderIsMade) {
  const Program dcgan;
  dcgan.bad(
      {"train", "--synthetic-count", "8", "--batch-size", "4", "--evaluate-every", "1", "--output", "run"},
      "quality numbers need at least 12 pictures, the data has 8");
  EXPECT_FALSE(dcgan.exists("run"));
  copy_pictures(dcgan, 1);
  dcgan.bad(tiny_train({"--data", "data", "--output", "run"}),
            "data holds one picture; training needs at least 2");
}

TEST(AppBadInput, ACheckpointOfWhatIsNoNumberIsNotResumed) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  make_infinite(dcgan / "run/checkpoints/latest.safetensors", "D.fc.bias");
  const std::string message =
      "latest.safetensors: D.fc.bias holds numbers that are not finite; take an earlier";
  dcgan.bad({"train", "--resume", "run", "--epochs", "2"}, message);
  dcgan.bad(tiny_train({"--init", "run/checkpoints/latest.safetensors", "--output", "other"}), message);
  EXPECT_FALSE(dcgan.exists("other"));
}

TEST(AppBadInput, ACheckpointThatCannotBeResumed) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  dcgan.good(tiny_train({"--epochs", "1", "--output", "wide", "--g-dim", "8"}));
  const Words resume{"train", "--resume", "run", "--epochs", "2"};
  const auto good = dcgan.bytes("run/checkpoints/latest.safetensors");
  const auto with_latest = [&](std::span<const uint8_t> bytes, const std::string& message) {
    dcgan.folder().write("run/checkpoints/latest.safetensors", bytes);
    dcgan.bad(resume, message);
    EXPECT_EQ(dcgan.bytes("run/checkpoints/latest.safetensors"),
              std::vector<uint8_t>(bytes.begin(), bytes.end()));
  };
  with_latest(std::span(good).first(good.size() - 1), "latest.safetensors");
  with_latest({}, "latest.safetensors");
  with_latest(dcgan.bytes("run/reals.png"), "latest.safetensors");
  with_latest(dcgan.bytes("wide/checkpoints/latest.safetensors"), "--g-dim");
  with_latest(dcgan.bytes("run/networks.safetensors"), "is not a checkpoint of dcgan");
  const std::string config = dcgan.text("run/config.json");
  dcgan.folder().write("run/config.json", "{");
  dcgan.bad(resume, "run/config.json: is no JSON");
  dcgan.folder().write("run/config.json", config);
  dcgan.folder().write("run/checkpoints/latest.safetensors", good);
  dcgan.good(resume);
}

TEST(AppBadInput, OtherPicturesOfTheSameNumberAreNoticed) {
  const Program dcgan;
  copy_pictures(dcgan, 9);
  dcgan.good(tiny_train({"--data", "data", "--epochs", "1", "--output", "run"}));
  const Words resume{"train", "--resume", "run", "--threads", "1", "--epochs"};
  dcgan.good(resume + Words{"2"});
  dcgan.folder().write("data/3.png", read_file(fixture("grey.png")));
  const Finished finished = dcgan.run(resume + Words{"3"});
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_TRUE(contains(finished.err, "data: its first pictures are not those that the run in run was begun"))
      << finished.err;
  dcgan.good(resume + Words{"4"});  // with these from now on
}

TEST(AppBadInput, ACheckpointWithDamagedMetadata) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  const std::filesystem::path latest = dcgan / "run/checkpoints/latest.safetensors";
  const SafetensorsFile file = read_safetensors(latest);
  const auto with = [&](const std::string& key, const std::string& value) {
    auto metadata = file.metadata;
    metadata[key] = value;
    write_safetensors(latest, file.tensors, metadata);
  };
  for (const auto& [key, most] :
       std::vector<std::pair<std::string, const char*>>{{"epoch", "1000000000000"},
                                                        {"batch", "1000000000000"},
                                                        {"latent_position", "6917529027641081856"}})
    for (const char* value : {"9223372036854775807", "-1", "two", ""}) {
      with(key, value);
      dcgan.bad(
          {"train", "--resume", "run", "--epochs", "2"},
          concat("latest.safetensors: metadata '", key, "' is no count from 0 to ", most, ": '", value, "'"));
    }
  with("batch", "4");
  dcgan.bad({"train", "--resume", "run", "--epochs", "2"},
            "latest.safetensors: is damaged: it is of 4 batches of an epoch, which has 4");
  std::string config = file.metadata.at("config");
  with("config", config.replace(config.find("Linear"), 6, "Lineal"));
  dcgan.bad({"sample", "--checkpoint", "run"}, "latest.safetensors: generator[0].type must be one of Linear");
}

TEST(AppBadInput, WordsAndPathsOfAnyKindAreNamedInOneLine) {
  const Program dcgan;
  const std::string endless(300, 'n');
  dcgan.bad({"tra\nin"}, "tra\\nin");
  dcgan.bad({"train", "--g-dim", "4\n"}, "--g-dim: must be a whole number, got '4\\n'");
  dcgan.bad({"train", "--recipe", "a\nb\xff"}, "no recipe and no file 'a\\nb\\xff'");
  for (const Words& words : {Words{"report", endless},
                             {"train", "--resume", endless},
                             {"train", "--recipe", endless},
                             {"sample", "--checkpoint", endless}})
    dcgan.bad(words, "dcgan: " + endless + ": File name too long");
}

// config.json would keep another path than the one that was given.
TEST(AppBadInput, PathsThatARunCannotKeepAreRefusedBeforeItBegins) {
  const Program dcgan;
  std::filesystem::create_directory(dcgan / "fa\xe9");
  std::filesystem::create_directory(dcgan / "fa\u00e9");
  copy_pictures(dcgan, 9);
  const Words before = dcgan.names(".");
  for (const char* option : {"--data", "--init", "--output"})
    dcgan.bad({"train", option, "fa\xe9"},
              concat(option, ": must be UTF-8, as the files of a run are, which keep it, got fa\\xe9; give"));
  dcgan.bad({"lab", "sigmoid-nan", "--output", "a\xed\xa0\x80"}, "--output: must be UTF-8");
  EXPECT_EQ(dcgan.names(".").size(), before.size() + 2);  // stdout and stderr
  std::filesystem::rename(dcgan / "data", dcgan / "fa\u00e9/data");
  dcgan.good(tiny_train({"--data", "fa\u00e9/data", "--epochs", "1", "--output", "fa\u00e9/run"}));
  dcgan.good({"train", "--resume", "fa\u00e9/run", "--epochs", "2"});
}

TEST(AppBadInput, AFullDiskLeavesTheLastCheckpointWhole) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  dcgan.good(tiny_train({"--epochs", "2", "--output", "whole"}));
  const auto latest = dcgan.bytes("run/checkpoints/latest.safetensors");
  const Words resume{"train", "--resume", "run", "--epochs", "2", "--threads", "1", "--no-report"};
  const std::string line = dcgan.bad(resume, "cannot write run/checkpoints/", latest.size() - 1);
  EXPECT_TRUE(contains(line,
                       ": File too large; allow larger ones (ulimit -f) and try again, what was saved "
                       "before is whole: --resume run goes on from there\n"))
      << line;
  EXPECT_EQ(latest, dcgan.bytes("run/checkpoints/latest.safetensors"));
  EXPECT_EQ(dcgan.names("run/checkpoints"), (Words{"epoch-0001.safetensors", "latest.safetensors"}));
  dcgan.good(resume);
  EXPECT_EQ(dcgan.bytes("whole/networks.safetensors"), dcgan.bytes("run/networks.safetensors"));
}

TEST(AppBadInput, ADivergedRunKeepsTheLastGoodCheckpoint) {
  const Program dcgan;
  dcgan.bad(tiny_train({"--lr", "1e30", "--output", "a"}), "the loss of G is");
  const std::string line = dcgan.bad(tiny_train({"--init-std", "1e30", "--output", "b"}), "the loss of D is");
  EXPECT_TRUE(contains(line, "epoch 1, batch 1 (step 1)")) << line;
  EXPECT_TRUE(contains(line, "no checkpoint has been written yet")) << line;

  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  make_infinite(dcgan / "run/checkpoints/latest.safetensors", "optimizer_D.fc.weight.exp_avg");
  const auto latest = dcgan.bytes("run/checkpoints/latest.safetensors");
  const std::string resumed = dcgan.bad({"train", "--resume", "run", "--epochs", "2"}, "(step 5)");
  EXPECT_TRUE(contains(resumed, "latest.safetensors is the last good checkpoint")) << resumed;
  EXPECT_EQ(latest, dcgan.bytes("run/checkpoints/latest.safetensors"));
}

// --resume refuses other rates: so another run is advised, by a command that a shell can be given.
TEST(AppBadInput, ADivergedRunSaysHowToBeginWithLowerRates) {
  const Program dcgan;
  for (const auto& [run, options, rates] :
       {std::tuple<std::string, Words, std::string>{
            "one rate", {"--lr", "0.002", "--seed", "3"}, " --lr 0.001"},
        {"two-rates", {"--lr-g", "0.002", "--lr-d", "0.004"}, " --lr-g 0.001 --lr-d 0.002"}}) {
    dcgan.good(tiny_train(options + Words{"--epochs", "1", "--output", run}));
    make_infinite(dcgan / (run + "/checkpoints/latest.safetensors"), "optimizer_D.fc.weight.exp_avg");
    const std::string line =
        dcgan.bad({"train", "--resume", run, "--epochs", "2"}, "; lower rates may help: ");
    const std::string command = line.substr(line.find(DUEL_DCGAN), line.size() - 1 - line.find(DUEL_DCGAN));
    EXPECT_TRUE(contains(command, " --init ") && command.ends_with(rates)) << line;
    const std::string again = "cd " + dcgan.folder().path().string() + " && " + command +
                              " --threads 1 --epochs 1 --output again-" + run.substr(0, 3) + " >out 2>err";
    EXPECT_EQ(std::system(again.c_str()), 0) << dcgan.text("err");
  }
  EXPECT_TRUE(contains(dcgan.text("again-one/config.json"), "\"lr\": 0.001,"));
  EXPECT_TRUE(contains(dcgan.text("again-one/config.json"), "\"seed\": 3"));
}

TEST(AppBadInput, ARunThatFailsTellsItsProfile) {
  const Program dcgan;
  const Words words = tiny_train({"--lr", "1e30", "--profile", "--output", "run"});
  dcgan.bad(words, "training has diverged");
  const std::string out = dcgan.text("stdout");
  EXPECT_TRUE(contains(out, "Profile of ") && contains(out, "is in run/trace.json\n")) << out;
  EXPECT_GT(dcgan.bytes("run/trace.json").size(), 1000u);

  // A trace that cannot be written is not what the run ends with.
  dcgan.good(tiny_train({"--lr", "1e30", "--epochs", "0", "--output", "second"}));
  std::filesystem::create_directories(dcgan / "second/trace.json/in-the-way");
  dcgan.bad({"train", "--resume", "second", "--epochs", "1", "--profile"}, "training has diverged");
  EXPECT_TRUE(contains(dcgan.text("stdout"), "There is no trace: cannot write second/trace.json"));
}

TEST(AppBadInput, NetworksBrokenByTheLastStepAreNotSaved) {
  const Program dcgan;
  dcgan.good(tiny_train({"--synthetic-count", "8", "--epochs", "1", "--output", "run"}));
  const std::filesystem::path latest = dcgan / "run/checkpoints/latest.safetensors";
  make_infinite(latest,
                "optimizer_G.fc.weight.exp_avg");  // G breaks after the last loss of an epoch of one batch
  const auto before = read_file(latest);
  dcgan.bad({"train", "--resume", "run", "--epochs", "2"},
            "G.fc.weight is no longer finite at epoch 2, batch 1 (step 2)");
  EXPECT_EQ(before, read_file(latest));
  EXPECT_FALSE(dcgan.exists("run/checkpoints/epoch-0002.safetensors"));

  // Likewise where it is the last one of a run that ends within an epoch.
  dcgan.good(tiny_train({"--epochs", "1", "--output", "cut"}));
  make_infinite(dcgan / "cut/checkpoints/latest.safetensors", "optimizer_G.fc.weight.exp_avg");
  const auto networks = dcgan.bytes("cut/networks.safetensors");
  dcgan.bad({"train", "--resume", "cut", "--steps", "5"},
            "G.fc.weight is no longer finite at epoch 2, batch 1 (step 5)");
  EXPECT_EQ(dcgan.bytes("cut/networks.safetensors"), networks);
}

}  // namespace
}  // namespace duel
