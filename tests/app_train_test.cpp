// dcgan train: what a run writes, and that the same options give the same run.
#include <chrono>
#include <thread>

#include "lib/io/image.h"
#include "lib/io/safetensors.h"
#include "tests/dcgan_program.h"

namespace duel {
namespace {

TEST(AppTrain, WritesTheRunFolder) {
  const Program dcgan;
  const std::string out =
      dcgan.good(tiny_train({"--epochs", "3", "--keep", "2", "--sample-count", "6", "--betas", "0.4,0.9"}));
  EXPECT_TRUE(contains(out, "Writing into runs/celeba32-1")) << out;
  EXPECT_TRUE(contains(out, "12 iterations to go")) << out;
  const std::string run = "runs/celeba32-1/";
  EXPECT_EQ(dcgan.names(run),
            (Words{"about.json", "checkpoints", "config.json", "losses.png", "metrics.csv",
                   "networks.safetensors", "norms.csv", "reals.png", "report.html", "samples"}));
  EXPECT_EQ(dcgan.names(run + "checkpoints"),
            (Words{"epoch-0002.safetensors", "epoch-0003.safetensors", "latest.safetensors"}));
  EXPECT_EQ(dcgan.names(run + "samples"), (Words{"epoch-0001.png", "epoch-0002.png", "epoch-0003.png"}));
  EXPECT_EQ(dcgan.bytes(run + "checkpoints/latest.safetensors"),
            dcgan.bytes(run + "checkpoints/epoch-0003.safetensors"));

  const Image samples = load_image(dcgan / (run + "samples/epoch-0003.png"));
  EXPECT_EQ(samples.width, 3 * 34 + 2);
  EXPECT_EQ(samples.height, 2 * 34 + 2);
  EXPECT_EQ(load_image(dcgan / (run + "reals.png")).width, 6 * 34 + 2);

  const Words rows = dcgan.lines(run + "metrics.csv");
  ASSERT_EQ(rows.size(), 10u);  // the head, and batches 1, 3 and 4 of each epoch
  EXPECT_EQ(rows[0], "epoch,batch,step,d_loss,g_loss,d_real,d_fake,images_per_second");
  EXPECT_TRUE(rows[1].starts_with("1,1,1,")) << rows[1];
  EXPECT_TRUE(rows[9].starts_with("3,4,12,")) << rows[9];
  for (const std::string& row : rows) EXPECT_EQ(std::count(row.begin(), row.end(), ','), 7) << row;

  const std::string config = dcgan.text(run + "config.json");
  EXPECT_TRUE(contains(config, "\"betas\": [0.4, 0.9]")) << config;
  EXPECT_TRUE(contains(config, "\"epochs\": 3")) << config;
}

TEST(AppTrain, TheLastStepHasARow) {
  const Program dcgan;
  dcgan.good(tiny_train({"--steps", "2", "--output", "run"}));
  const Words rows = dcgan.lines("run/metrics.csv");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_TRUE(rows[2].starts_with("1,2,2,")) << rows[2];
}

TEST(AppTrain, NumbersTheRunsAndOverwritesNone) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "0"}));
  dcgan.good(tiny_train({"--epochs", "0"}));
  EXPECT_EQ(dcgan.names("runs"), (Words{"celeba32-1", "celeba32-2"}));
  dcgan.bad(tiny_train({"--output", "runs/celeba32-2"}), "runs/celeba32-2: already holds a run");
}

TEST(AppTrain, ARunWithoutAStepIsACheckpointLikeAnyOther) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "whole"}));
  dcgan.good(tiny_train({"--epochs", "0", "--output", "run"}));
  EXPECT_EQ(dcgan.names("run/checkpoints"), Words{"latest.safetensors"});
  dcgan.good({"sample", "--checkpoint", "run", "--count", "3"});
  dcgan.good({"train", "--resume", "run", "--epochs", "1", "--threads", "1"});
  EXPECT_EQ(dcgan.bytes("run/networks.safetensors"), dcgan.bytes("whole/networks.safetensors"));
}

TEST(AppTrain, RunsThatBeginTogetherTakeANumberEach) {
  const Program dcgan;
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) children.push_back(dcgan.start_on(nowhere, tiny_train({"--epochs", "0"})));
  ::close(nowhere);
  for (const pid_t child : children) {
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(dcgan.names("runs"), (Words{"celeba32-1", "celeba32-2", "celeba32-3", "celeba32-4"}));
}

TEST(AppTrain, IsStoppedWhileItReadsThePictures) {
  const Program dcgan;
  constexpr int64_t side = 2000;
  write_png(dcgan.folder().write("large.png", ""),
            {side, side, 3, std::vector<uint8_t>(static_cast<size_t>(3 * side * side), 100)});
  std::filesystem::create_directory(dcgan / "data");
  for (int i = 0; i < 3000; ++i)
    std::filesystem::create_symlink("../large.png", dcgan / concat("data/", i, ".png"));
  const pid_t child = dcgan.start(tiny_train({"--data", "data", "--output", "run"}));
  // The first that is said comes when signals are caught and before the pictures are read.
  for (int i = 0; i < 2000 && dcgan.text("stdout").empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ::kill(child, SIGTERM);
  const Finished stopped = dcgan.wait(child);
  EXPECT_EQ(stopped.code, 143);
  EXPECT_EQ(stopped.err, "dcgan: stopped while the pictures were read; nothing has been written\n");
  EXPECT_FALSE(dcgan.exists("run"));
}

TEST(AppTrain, TheSameSeedGivesTheSameNetworks) {
  const Program dcgan;
  for (const char* threads : {"1", "2"}) {
    for (const char* time : {"a", "b"})
      dcgan.good(tiny_train({"--epochs", "1", "--output", concat(time, threads), "--threads", threads}));
    EXPECT_EQ(dcgan.bytes(concat("a", threads, "/networks.safetensors")),
              dcgan.bytes(concat("b", threads, "/networks.safetensors")));
  }
  dcgan.good(tiny_train({"--epochs", "1", "--output", "c", "--seed", "1"}));
  for (const char* other : {"--hflip", "--no-shuffle"})
    dcgan.good(tiny_train({"--epochs", "1", "--output", other + 2, other}));
  const auto weights = [&](const std::string& run) {
    return read_safetensors(dcgan / (run + "/networks.safetensors")).at("D.fc.weight").to_vector<float>();
  };
  for (const char* other : {"c", "hflip", "no-shuffle"}) EXPECT_NE(weights(other), weights("a1")) << other;
}

TEST(AppTrain, SaysWhichPicturesAreNeverSeen) {
  const Program dcgan;
  const Words few{"--synthetic-count", "21", "--epochs", "1"};
  dcgan.good(tiny_train(few));
  dcgan.good(tiny_train({"--epochs", "1", "--no-shuffle"}));
  EXPECT_EQ(
      dcgan.run(tiny_train(few + Words{"--no-shuffle"})).err,
      "5 of 21 pictures are not used: they fill no batch, and without --shuffle the order stays the same\n");
}

TEST(AppTrain, BeginsWithGivenWeights) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "first"}));
  dcgan.good(tiny_train({"--epochs", "0", "--output", "second", "--init", "first/networks.safetensors"}));
  dcgan.good(tiny_train({"--epochs", "0", "--output", "of-a-run", "--init", "first"}));
  const auto first = read_safetensors(dcgan / "first/networks.safetensors");
  const auto second = read_safetensors(dcgan / "second/networks.safetensors");
  const auto of_a_run = read_safetensors(dcgan / "of-a-run/networks.safetensors");
  for (const auto& [name, tensor] : first.tensors) {
    if (tensor.dtype() != DType::Float32) continue;
    EXPECT_EQ(tensor.to_vector<float>(), second.at(name).to_vector<float>()) << name;
    EXPECT_EQ(tensor.to_vector<float>(), of_a_run.at(name).to_vector<float>()) << name;
  }
  dcgan.bad(tiny_train({"--output", "third", "--init", "first/samples"}), "holds no checkpoint");
  dcgan.bad(tiny_train({"--output", "third", "--init", "nowhere"}), "nowhere: there is no such file or run");
  dcgan.bad(tiny_train({"--output", "third", "--init", "first/config.json"}), "first/config.json");
  EXPECT_FALSE(dcgan.exists("third"));
}

}  // namespace
}  // namespace duel
