// What goes wrong around a run ends in one line that says what it was, and loses nothing.
#include "lib/io/safetensors.h"
#include "tests/dcgan_program.h"

namespace duel {
namespace {

void copy_pictures(const Program& dcgan, int count) {
  for (int i = 0; i < count; ++i)
    dcgan.folder().write(concat("data/", i, ".png"), read_file(fixture("rgb.png")));
}

TEST(AppBadInput, DataThatAreNone) {
  const Program dcgan;
  dcgan.folder().write("texts/a.txt", "no picture");
  dcgan.folder().write("idx/train-images-idx3-ubyte",
                       std::string_view("\0\0\10\3\0\0\0\2\0\0\0\34\0\0\0\34rest", 20));
  dcgan.folder().write("cifar/data_batch_1.bin", std::string(3073 + 5, 'x'));
  dcgan.bad(tiny_train({"--data", "nowhere"}), "nowhere: there is no such file or folder");
  dcgan.bad(tiny_train({"--data", "texts"}), "texts: holds no pictures");
  dcgan.bad(tiny_train({"--data", "texts/a.txt"}), "texts/a.txt: is neither");
  dcgan.bad(tiny_train({"--data", "idx"}), "idx/train-images-idx3-ubyte: has 20 bytes");
  dcgan.bad(tiny_train({"--data", "cifar"}), "cifar/data_batch_1.bin");
  EXPECT_FALSE(dcgan.exists("runs"));
}

TEST(AppBadInput, BadPicturesAreSkippedCountedAndNamed) {
  const Program dcgan;
  copy_pictures(dcgan, 9);
  auto half = read_file(fixture("rgb.jpg"));
  half.resize(half.size() / 2);
  dcgan.folder().write("data/half.jpg", half);
  dcgan.folder().write("data/empty.png", "");
  dcgan.folder().write("data/label.png", "this is a text");
  const Finished finished = dcgan.run(tiny_train({"--data", "data", "--epochs", "1", "--output", "run"}));
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_TRUE(contains(finished.err, "skipped 3 of 12 pictures")) << finished.err;
  for (const char* name : {"data/half.jpg", "data/empty.png", "data/label.png"})
    EXPECT_TRUE(contains(finished.err, name)) << finished.err;
  EXPECT_TRUE(dcgan.exists("run/networks.safetensors"));
}

TEST(AppBadInput, AFolderThatCannotBeWritten) {
  const Program dcgan;
  dcgan.folder().write("file", "");
  dcgan.bad(tiny_train({"--output", "file/run"}), "file/run");
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

TEST(AppBadInput, AFullDiskLeavesTheLastCheckpointWhole) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  dcgan.good(tiny_train({"--epochs", "2", "--output", "whole"}));
  const auto latest = dcgan.bytes("run/checkpoints/latest.safetensors");
  const Words resume{"train", "--resume", "run", "--epochs", "2", "--threads", "1"};
  EXPECT_TRUE(contains(dcgan.bad(resume, "cannot write", latest.size() - 1), "run/checkpoints/"));
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
  const auto latest = dcgan.bytes("run/checkpoints/latest.safetensors");
  std::string config = dcgan.text("run/config.json");
  const size_t at = config.find("\"lr\": 0.0002");
  ASSERT_NE(at, std::string::npos) << config;
  dcgan.folder().write("run/config.json", config.replace(at, 12, "\"lr\": 1e30"));
  EXPECT_TRUE(contains(dcgan.bad({"train", "--resume", "run", "--epochs", "2"}, "(step 5)"),
                       "latest.safetensors is the last good checkpoint"));
  EXPECT_EQ(latest, dcgan.bytes("run/checkpoints/latest.safetensors"));
}

TEST(AppBadInput, NetworksBrokenByTheLastStepAreNotSaved) {
  const Program dcgan;
  // A set of one batch: G's loss is finite, then Adam moves G's weights beyond float32.
  const std::string line =
      dcgan.bad(tiny_train({"--synthetic-count", "8", "--lr", "1e-30", "--eps", "0", "--betas", "0,0",
                            "--bn-momentum", "1", "--init-std", "0", "--epochs", "1", "--output", "run"}),
                "no longer finite at epoch 1, batch 1 (step 1)");
  EXPECT_FALSE(dcgan.exists("run/checkpoints/latest.safetensors")) << line;
}

}  // namespace
}  // namespace duel
