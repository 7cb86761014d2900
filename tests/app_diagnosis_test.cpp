// The diagnosis as a user of dcgan meets it: while training, and in the labs.
#include <limits>

#include "apps/diagnosis/diagnosis.h"
#include "lib/io/safetensors.h"
#include "tests/dcgan_program.h"

namespace duel {
namespace {

TEST(AppDiagnosis, WritesWhatItSeesAndChangesNothing) {
  const Program dcgan;
  const Words five{"--epochs", "11", "--output"};
  dcgan.good(tiny_train(five + Words{"watched"}));
  dcgan.good(tiny_train(five + Words{"alone", "--on-failure", "ignore"}));
  EXPECT_EQ(dcgan.bytes("watched/networks.safetensors"), dcgan.bytes("alone/networks.safetensors"));
  EXPECT_FALSE(dcgan.exists("alone/vitals.csv"));
  const Words rows = dcgan.lines("watched/vitals.csv");
  ASSERT_EQ(rows.size(), 3u);  // the head, and the looks after 20 and 40 of the 44 steps
  EXPECT_EQ(rows[0],
            "epoch,step,d_loss,g_loss,d_real,d_fake,swings,g_gradient,pixel_diversity,feature_diversity,"
            "checkerboard,checkerboard_share,copies,nearness");
  EXPECT_TRUE(rows[1].starts_with("5,20,")) << rows[1];
  EXPECT_TRUE(rows[2].starts_with("10,40,")) << rows[2];
  EXPECT_FALSE(dcgan.exists("watched/diagnosis.csv"));
  dcgan.bad(tiny_train({"--on-failure", "pray"}), "--on-failure");
}

TEST(AppDiagnosis, TakesUpWhereALookWasDue) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "11", "--output", "whole"}));
  dcgan.good(tiny_train({"--epochs", "6", "--output", "late", "--on-failure", "ignore"}));
  dcgan.good({"train", "--resume", "late", "--epochs", "11", "--on-failure", "warn", "--threads", "1"});
  const Words whole = dcgan.lines("whole/vitals.csv"), late = dcgan.lines("late/vitals.csv");
  ASSERT_EQ(late.size(), 2u);  // the head, and the look after 40 steps
  EXPECT_EQ(late[1].substr(0, late[1].find(',', 20)), whole[2].substr(0, whole[2].find(',', 20)));
}

// A version that knew fewer figures has begun the run.
TEST(AppDiagnosis, PutsATableOfOtherColumnsAside) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "6", "--output", "run"}));
  const std::string older = "epoch,step,d_loss\n5,20,1.25\n";
  dcgan.folder().write("run/vitals.csv", older);
  const Words resume{"train", "--resume", "run", "--threads", "1", "--epochs"};
  const std::string aside = ": it is put aside as vitals-old.csv\n";
  const Finished finished = dcgan.run(resume + Words{"10"});
  EXPECT_EQ(finished.code, 0);
  EXPECT_TRUE(finished.err.starts_with("run/vitals.csv has no column ") && finished.err.ends_with(aside))
      << finished.err;
  dcgan.good(resume + Words{"15"});
  EXPECT_EQ(dcgan.text("run/vitals-old.csv"), older);
  const Words rows = dcgan.lines("run/vitals.csv");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_TRUE(rows[1].starts_with("10,40,") && rows[2].starts_with("15,60,")) << rows[1] << "\n" << rows[2];
}

TEST(AppDiagnosis, LosesNoneOfTwoTablesThatArePutAside) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "6", "--output", "run"}));
  const std::string damaged = "epoch,step,d_loss\n5,20,1.25\n5,20\n";
  dcgan.folder().write("run/vitals.csv", damaged);
  const Finished finished = dcgan.run({"train", "--resume", "run", "--epochs", "10", "--threads", "1"});
  EXPECT_EQ(finished.code, 0);
  EXPECT_TRUE(contains(finished.err, "vitals-old.csv\n") && contains(finished.err, "vitals-old-2.csv\n"))
      << finished.err;
  EXPECT_EQ(dcgan.text("run/vitals-old.csv"), damaged);
  EXPECT_EQ(dcgan.text("run/vitals-old-2.csv"), "epoch,step,d_loss\n5,20,1.25\n");
}

/// Makes the next step of the run break the weights.
void poison(const Program& dcgan) {
  const std::filesystem::path path = dcgan / "run/checkpoints/latest.safetensors";
  const SafetensorsFile file = read_safetensors(path);
  const Tensor& moment = file.at("optimizer_D.fc.weight.exp_avg");
  moment.copy_from(Tensor::full(moment.shape(), std::numeric_limits<double>::infinity()));
  write_safetensors(path, file.tensors, file.metadata);
}

TEST(AppDiagnosis, NotesARunThatDiverges) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  poison(dcgan);
  const Finished ended = dcgan.run({"train", "--resume", "run", "--epochs", "3", "--threads", "1"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_TRUE(contains(ended.out, "epoch 2: ")) << ended.out;
  EXPECT_TRUE(contains(ended.err, "training has diverged")) << ended.err;
  const Words rows = dcgan.lines("run/diagnosis.csv");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0], "epoch,step,cause,text");
  EXPECT_TRUE(rows[1].starts_with("2,")) << rows[1];
}

TEST(AppDiagnosis, RollsBackToTheLastHealthyCheckpointWithHalfTheRates) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  const Words on{"train", "--resume", "run", "--epochs", "3", "--threads", "1", "--on-failure", "rollback"};
  const auto healthy = dcgan / "run/checkpoints/healthy.safetensors";
  std::filesystem::copy_file(dcgan / "run/checkpoints/latest.safetensors", healthy);
  poison(dcgan);
  const std::string out = dcgan.good(on);
  EXPECT_TRUE(contains(out, "back to epoch 1 with half the rates")) << out;
  EXPECT_TRUE(dcgan.exists("run/networks.safetensors"));
  const Words rows = dcgan.lines("run/diagnosis.csv");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_TRUE(rows[1].starts_with("1,4,rollback,")) << rows[1];
  EXPECT_TRUE(contains(dcgan.text("run/config.json"), "\"lr\": 0.0001,"));

  std::filesystem::remove(healthy);
  poison(dcgan);
  Words further = on;
  further[4] = "4";
  const Finished ended = dcgan.run(further);
  EXPECT_EQ(ended.code, 1);
  EXPECT_TRUE(contains(ended.err, "there is no healthy checkpoint yet to go back to")) << ended.err;
  EXPECT_TRUE(contains(ended.err, "or resume this one with --on-failure warn")) << ended.err;
}

TEST(AppDiagnosis, GivesUpAfterFiveRollbacks) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  poison(dcgan);  // the healthy checkpoint as well
  std::filesystem::copy_file(dcgan / "run/checkpoints/latest.safetensors",
                             dcgan / "run/checkpoints/healthy.safetensors");
  const Finished ended =
      dcgan.run({"train", "--resume", "run", "--epochs", "2", "--threads", "1", "--on-failure", "rollback"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_TRUE(contains(ended.err, "training has diverged")) << ended.err;
  const Words rows = dcgan.lines("run/diagnosis.csv");
  EXPECT_EQ(
      std::count_if(rows.begin(), rows.end(), [](const auto& row) { return contains(row, ",rollback,"); }),
      5);
}

TEST(AppDiagnosis, EachRollbackHalvesBothRatesAgain) {
  const TemporaryFolder temporary;
  gan::Config config;
  config.g_dim = config.d_dim = 4;
  config.optimizer_g.lr = 0.5;
  config.optimizer_d.lr = 0.25;
  gan::Trainer trainer(config);
  const gan::RunFolder folder = gan::RunFolder::create(temporary / "run", config, {{"keep", 7}});
  gan::save_checkpoint(diagnosis::healthy_checkpoint(folder), trainer, {.epoch = 2});
  for (const double part : {0.5, 0.25, 0.125}) {
    EXPECT_EQ(diagnosis::roll_back(trainer, folder, "why").epoch, 2);
    EXPECT_EQ(trainer.optimizer_g().lr(), 0.5 * part);
    EXPECT_EQ(trainer.optimizer_d().lr(), 0.25 * part);
    EXPECT_EQ(folder.config().optimizer_g.lr, 0.5 * part);
    EXPECT_EQ(folder.config().optimizer_d.lr, 0.25 * part);
    EXPECT_EQ(folder.options(), (gan::Json{{"keep", 7}}));
    gan::Trainer resumed(folder.config());
    gan::load_checkpoint(folder.latest(), resumed);
    EXPECT_EQ(resumed.optimizer_g().lr(), 0.5 * part);
    EXPECT_EQ(resumed.optimizer_d().lr(), 0.25 * part);
  }
}

TEST(AppDiagnosis, KeepsTheHealthyCheckpointItself) {
  const Program dcgan;
  // Long enough for more than one healthy look, at a rate at which small networks learn something.
  dcgan.good(tiny_train({"--epochs", "50", "--lr", "0.002", "--on-failure", "rollback", "--output", "run"}));
  const SafetensorsFile healthy = read_safetensors(dcgan / "run/checkpoints/healthy.safetensors");
  EXPECT_EQ(std::stoi(healthy.metadata.at("epoch")) % 5, 0);  // looks are 20 steps apart
  EXPECT_EQ(healthy.metadata.at("batch"), "0");
}

/// A run of 20 steps an epoch whose G stands still, so that D wins.
Words lost_run(const Words& more) {
  return tiny_train(Words{"--synthetic-count", "160", "--lr-g", "0", "--lr-d", "0.01"} + more);
}

TEST(AppDiagnosis, StopsARunThatFails) {
  const Program dcgan;
  const Finished stopped = dcgan.run(lost_run({"--epochs", "20", "--on-failure", "stop", "--output", "run"}));
  EXPECT_EQ(stopped.code, 1);
  const std::string what_to_do =
      ": D has won; run/diagnosis.csv says what to try in another run, --resume run --on-failure warn goes "
      "on "
      "all the same\n";
  EXPECT_EQ(stopped.err, "dcgan: epoch 15" + what_to_do);
  EXPECT_EQ(dcgan.lines("run/vitals.csv").size(), 16u);
  EXPECT_TRUE(contains(dcgan.text("run/about.json"), "\"ended\": \"failed\""));
  EXPECT_EQ(read_safetensors(dcgan / "run/checkpoints/latest.safetensors").metadata.at("epoch"), "15");

  // It does so again where the symptom lasts, unless it is only to say so.
  const Words resume{"train", "--resume", "run", "--epochs", "17", "--threads", "1"};
  EXPECT_EQ(dcgan.run(resume).err, "dcgan: epoch 16" + what_to_do);
  dcgan.good(resume + Words{"--on-failure", "warn"});
  EXPECT_TRUE(dcgan.lines("run/diagnosis.csv").back().starts_with("17,"));

  // What was found after the place where a run goes on is found anew.
  std::filesystem::copy_file(dcgan / "run/checkpoints/epoch-0015.safetensors",
                             dcgan / "run/checkpoints/latest.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  const Words before = dcgan.lines("run/diagnosis.csv");
  dcgan.good(resume);
  EXPECT_EQ(dcgan.lines("run/diagnosis.csv"), before);
}

TEST(AppLab, TrainsIntoAFolderAndNamesItsPage) {
  const Program dcgan;
  const std::string out = dcgan.good({"lab", "collapse", "--epochs", "1"});
  EXPECT_TRUE(contains(out, "The diagnosis is to say: G has collapsed. See docs/labs/collapse.md")) << out;
  EXPECT_TRUE(dcgan.exists("runs/lab-collapse/vitals.csv"));
  EXPECT_TRUE(dcgan.exists("runs/lab-collapse/samples/epoch-0001.png"));
  dcgan.bad({"lab", "collapse", "--epochs", "1"}, "runs/lab-collapse: already holds a run");
  dcgan.good({"lab", "collapse", "--epochs", "1", "--seed", "1", "--output", "other"});
  EXPECT_NE(dcgan.bytes("other/networks.safetensors"), dcgan.bytes("runs/lab-collapse/networks.safetensors"));
}

TEST(AppLab, TakesOneThreadUnlessItIsAskedForMore) {
  const Program dcgan;
  // How CLI11 writes a default differs from version to version: it stands between the range and the line's
  // end.
  const auto default_threads = [&](const char* command) {
    const std::string help = dcgan.good({command, "--help"}), range = "from 0 to 1024";
    const std::string rest = help.substr(help.find(range, help.find("--threads")) + range.size());
    return rest.substr(0, rest.find('\n'));
  };
  EXPECT_TRUE(contains(default_threads("lab"), "1")) << default_threads("lab");
  EXPECT_TRUE(contains(default_threads("train"), "0")) << default_threads("train");
}

TEST(AppLab, OneThatIsStoppedSaysWhatThereIsAndHowItBeginsAnew) {
  const Program dcgan;
  const Words lab{"lab", "collapse", "--epochs", "100000", "--output", "my lab"};
  const pid_t child = dcgan.start(lab);
  for (int i = 0; i < 2000 && !dcgan.exists("my lab/samples/epoch-0001.png"); ++i) ::usleep(5000);
  ::kill(child, SIGINT);
  const Finished stopped = dcgan.wait(child);
  EXPECT_EQ(stopped.code, 130) << stopped.err;
  EXPECT_EQ(stopped.err, "");
  EXPECT_TRUE(contains(stopped.out,
                       "The lab has not come to its end; what it has shown so far is in my lab. It is not "
                       "continued: to begin it anew, rm -r 'my lab' and give the same command again, or name "
                       "another folder with --output\n"))
      << stopped.out;
  EXPECT_TRUE(dcgan.exists("my lab/checkpoints/latest.safetensors"));
  dcgan.bad(lab,
            "my lab: already holds a run, and a lab begins anew each time; delete it by rm -r 'my lab', or");
}

TEST(AppLab, OneThatEndsInNoNumberEndsWell) {
  const Program dcgan;
  const std::string out = dcgan.good({"lab", "sigmoid-nan", "--output", "run"});
  EXPECT_TRUE(contains(out, ": a loss is not a number")) << out;
  EXPECT_TRUE(contains(out, "training has diverged")) << out;
}

TEST(AppLab, BadInput) {
  const Program dcgan;
  dcgan.bad({"lab"}, "name is required");
  dcgan.bad({"lab", "boredom"}, "there is no lab 'boredom'; there are: no-batch-norm, strong-d, collapse");
  dcgan.bad({"lab", "collapse", "--epochs", "-1"}, "--epochs");
  dcgan.bad({"lab", "collapse", "--seed", "-1"}, "--seed");
}

}  // namespace
}  // namespace duel
