// Where a run goes on whose latest checkpoint is gone or damaged.
#include "apps/gan/run_folder.h"
#include "tests/dcgan_program.h"

namespace duel {
namespace {

namespace fs = std::filesystem;

const Words resume_run{"train", "--resume", "run", "--threads", "1"};

/// Resumes the run and expects that it says so, and ends as the run "whole" does.
void expect_goes_on_from(const Program& dcgan, const std::string& place, const Words& more) {
  const Finished finished = dcgan.run(resume_run + more);
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_TRUE(contains(finished.err,
                       "latest.safetensors is missing: the run goes on from " + place + ".safetensors\n"))
      << finished.err;
  EXPECT_EQ(dcgan.bytes("run/networks.safetensors"), dcgan.bytes("whole/networks.safetensors"));
  EXPECT_EQ(dcgan.metrics("run"), dcgan.metrics("whole"));
  EXPECT_EQ(dcgan.names("run/samples"), dcgan.names("whole/samples"));
  EXPECT_EQ(dcgan.names("run/checkpoints"), dcgan.names("whole/checkpoints"));
}

TEST(AppResumePlace, AKeptStepOfTheFirstEpochServes) {
  const Program dcgan;
  const Words options{"--epochs", "1", "--keep-at", "2"};
  dcgan.good(tiny_train(options + Words{"--output", "whole"}));
  dcgan.good(tiny_train(options + Words{"--output", "run"}));
  // As a run is that was killed after its third step.
  for (const char* later : {"latest", "epoch-0001"})
    fs::remove(dcgan / concat("run/checkpoints/", later, ".safetensors"));
  fs::remove(dcgan / "run/samples/epoch-0001.png");
  expect_goes_on_from(dcgan, "step-000002", {});
}

TEST(AppResumePlace, TheFirstEpochServes) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "2", "--output", "whole"}));
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  fs::remove(dcgan / "run/checkpoints/latest.safetensors");
  expect_goes_on_from(dcgan, "epoch-0001", {"--epochs", "2"});
}

TEST(AppResumePlace, TheFurthestThatIsWholeServes) {
  const Program dcgan;
  const Words options{"--epochs", "3", "--keep-at", "10"};
  dcgan.good(tiny_train(options + Words{"--output", "whole"}));
  dcgan.good(tiny_train(options + Words{"--output", "run"}));
  fs::remove(dcgan / "run/checkpoints/latest.safetensors");
  fs::resize_file(dcgan / "run/checkpoints/epoch-0003.safetensors", 5000);
  expect_goes_on_from(dcgan, "step-000010", {});
}

TEST(AppResumePlace, TheHealthyOneServesWhereNoOtherIsAsFar) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "4", "--keep", "1", "--output", "whole"}));
  dcgan.good(tiny_train({"--epochs", "2", "--keep", "0", "--output", "run"}));
  const fs::path checkpoints = dcgan / "run/checkpoints", healthy = checkpoints / "healthy.safetensors";
  fs::rename(checkpoints / "latest.safetensors", healthy);  // as a run that rolls back keeps it
  const Finished finished = dcgan.run(resume_run + Words{"--epochs", "4", "--keep", "1"});
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_TRUE(contains(finished.err, "missing: the run goes on from healthy.safetensors\n")) << finished.err;
  EXPECT_EQ(dcgan.bytes("run/networks.safetensors"), dcgan.bytes("whole/networks.safetensors"));
  fs::remove(checkpoints / "latest.safetensors");
  EXPECT_EQ(gan::RunFolder::open(dcgan / "run").place_to_go_on(), checkpoints / "epoch-0004.safetensors");
}

TEST(AppResumePlace, AHealthyOneOfACourseThatWasLeftDoesNotServe) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "3", "--output", "run"}));
  const fs::path healthy = dcgan / "run/checkpoints/healthy.safetensors";
  fs::copy_file(dcgan / "run/checkpoints/epoch-0002.safetensors", healthy);
  gan::RunFolder::open(dcgan / "run").go_back_to(2, 8);
  EXPECT_TRUE(fs::exists(healthy)) << "what a rollback goes back to";
  gan::RunFolder::open(dcgan / "run").go_back_to(1, 7);
  EXPECT_FALSE(fs::exists(healthy));
}

TEST(AppResumePlace, WhatIsToBeDoneAgainDoesNotServe) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "4", "--keep-at", "7,10", "--keep", "4", "--output", "run"}));
  const fs::path checkpoints = dcgan / "run/checkpoints";
  gan::RunFolder::open(dcgan / "run").go_back_to(2, 8);  // as a rollback does
  EXPECT_EQ(dcgan.names("run/checkpoints"), (Words{"epoch-0001.safetensors", "epoch-0002.safetensors",
                                                   "latest.safetensors", "step-000007.safetensors"}));
  fs::remove(checkpoints / "latest.safetensors");
  EXPECT_EQ(gan::RunFolder::open(dcgan / "run").place_to_go_on(), checkpoints / "epoch-0002.safetensors");
  fs::remove(checkpoints / "epoch-0002.safetensors");
  EXPECT_EQ(gan::RunFolder::open(dcgan / "run").place_to_go_on(), checkpoints / "step-000007.safetensors");
}

// The picture of its epoch, and what observers write, may not be there yet.
TEST(AppResumePlace, AStepThatEndsAnEpochOfWhichTheRestIsNotThereDoesNotServe) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--keep-at", "4", "--keep", "0", "--output", "run"}));
  fs::remove(dcgan / "run/checkpoints/latest.safetensors");
  const gan::RunFolder folder = gan::RunFolder::open(dcgan / "run");
  EXPECT_EQ(folder.place_to_go_on(), folder.step_checkpoint(4));
  fs::remove(dcgan / "run/samples/epoch-0001.png");
  EXPECT_EQ(folder.place_to_go_on(), "");
}

TEST(AppResumePlace, ADamagedLatestCheckpointNamesWhatTakesItsPlace) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "2", "--output", "run"}));
  fs::resize_file(dcgan / "run/checkpoints/latest.safetensors", 5000);
  const std::string line = dcgan.bad(resume_run + Words{"--epochs", "3"}, "latest.safetensors is cut short");
  EXPECT_TRUE(line.ends_with("; remove it, and --resume goes on from epoch-0002\n")) << line;
  fs::remove(dcgan / "run/checkpoints/epoch-0002.safetensors");
  fs::remove(dcgan / "run/checkpoints/epoch-0001.safetensors");
  EXPECT_FALSE(contains(dcgan.bad(resume_run, "latest.safetensors is cut short"), "remove it"));
}

}  // namespace
}  // namespace duel
