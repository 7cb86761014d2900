// A run that was stopped or killed and resumed ends in the same bits as one that never stopped.
#include <chrono>
#include <random>
#include <thread>

#include "apps/gan/run_folder.h"
#include "apps/gan/training_run.h"
#include "lib/data/synthetic.h"
#include "lib/io/image.h"
#include "lib/io/safetensors.h"
#include "ops/cpu/cpu_features.h"
#include "tests/dcgan_program.h"

namespace duel {
namespace {

const Words long_run{"--synthetic-count", "80", "--batch-size", "4", "--hflip"};

void expect_same_run(const Program& dcgan, const std::string& a, const std::string& b) {
  EXPECT_EQ(dcgan.names(a), dcgan.names(b));
  EXPECT_EQ(dcgan.names(a + "/checkpoints"), dcgan.names(b + "/checkpoints"));
  for (const char* file : {"/networks.safetensors", "/checkpoints/latest.safetensors", "/config.json"})
    EXPECT_TRUE(dcgan.bytes(a + file) == dcgan.bytes(b + file)) << file;
  EXPECT_EQ(dcgan.names(a + "/samples"), dcgan.names(b + "/samples"));
  for (const std::string& name : dcgan.names(a + "/samples"))
    EXPECT_TRUE(dcgan.bytes(a + "/samples/" + name) == dcgan.bytes(b + "/samples/" + name)) << name;
  EXPECT_EQ(dcgan.metrics(a), dcgan.metrics(b));
  for (const char* file : {"/vitals.csv", "/diagnosis.csv", "/quality.csv"})
    if (dcgan.exists(a + file)) {
      EXPECT_EQ(dcgan.lines(a + file), dcgan.lines(b + file)) << file;
    }
}

bool wait_for(const std::filesystem::path& path) {
  for (int i = 0; i < 2000 && !std::filesystem::exists(path); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return std::filesystem::exists(path);
}

TEST(AppResume, AStoppedRunGoesOnExactly) {
  std::signal(SIGHUP, SIG_DFL);  // the program inherits it, and it is another one where tests run by nohup
  for (const auto& [signal, code] : {std::pair{SIGINT, 130}, {SIGTERM, 143}, {SIGHUP, 129}}) {
    const Program dcgan;
    // Far more epochs than it will see, so that no machine finishes them before the signal comes.
    const pid_t child =
        dcgan.start(tiny_train(long_run + Words{"--epochs", "100000", "--output", "stopped"}));
    const bool begun = wait_for(dcgan / "stopped/metrics.csv");
    ::kill(child, signal);
    const Finished stopped = dcgan.wait(child);
    ASSERT_TRUE(begun);
    ASSERT_EQ(stopped.code, code) << stopped.out << stopped.err;
    EXPECT_EQ(stopped.err, "");
    EXPECT_TRUE(contains(stopped.out, "train --resume stopped")) << stopped.out;
    EXPECT_FALSE(dcgan.exists("stopped/networks.safetensors"));

    const int epochs =
        std::stoi(read_safetensors(dcgan / "stopped/checkpoints/latest.safetensors").metadata.at("epoch")) +
        1;
    dcgan.good({"train", "--resume", "stopped", "--epochs", std::to_string(epochs), "--threads", "1"});
    dcgan.good(tiny_train(long_run + Words{"--epochs", std::to_string(epochs), "--output", "whole"}));
    expect_same_run(dcgan, "whole", "stopped");
  }
}

TEST(AppResume, TheCommandThatGoesOnCanBeGivenToAShell) {
  const Program dcgan;
  const std::string run = "Anna's runs; $HOME/-1";
  std::filesystem::create_directory(dcgan / "Anna's runs; $HOME");
  const pid_t child = dcgan.start(tiny_train({"--epochs", "100000", "--output", run}));
  const bool begun = wait_for(dcgan / run / "metrics.csv");
  ::kill(child, SIGINT);
  const Finished stopped = dcgan.wait(child);
  ASSERT_TRUE(begun);
  const std::string before = "Continue with: ";
  const size_t at = stopped.out.find(before);
  ASSERT_NE(at, std::string::npos) << stopped.out;
  const std::string command =
      stopped.out.substr(at + before.size(), stopped.out.find('\n', at) - at - before.size());
  EXPECT_TRUE(command.starts_with(DUEL_DCGAN " train --resume 'Anna")) << command;
  const std::string again = "cd '" + dcgan.folder().path().string() + "' && " + command + " --epochs 0";
  EXPECT_NE(std::system((again + " >out 2>err").c_str()), 0);
  EXPECT_TRUE(contains(dcgan.text("err"), "--epochs 0 is fewer than the")) << dcgan.text("err");
}

TEST(AppResume, ARunStartedByNohupMindsNoTerminal) {
  const Program dcgan;
  std::signal(SIGHUP, SIG_IGN);
  const pid_t child = dcgan.start(tiny_train({"--epochs", "100000", "--output", "run"}));
  std::signal(SIGHUP, SIG_DFL);
  const bool begun = wait_for(dcgan / "run/samples/epoch-0001.png");
  ::kill(child, SIGHUP);
  const bool goes_on = wait_for(dcgan / "run/samples/epoch-0010.png");
  ::kill(child, SIGTERM);
  EXPECT_EQ(dcgan.wait(child).code, 143);
  EXPECT_TRUE(begun && goes_on);
}

TEST(AppResume, ARunWhoseOutputNobodyReadsAnyMoreIsSaved) {
  const Program dcgan;
  int pipe[2];
  ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
  const pid_t child = dcgan.start_on(pipe[1], tiny_train({"--epochs", "100000", "--output", "run"}));
  ::close(pipe[1]);
  const bool begun = wait_for(dcgan / "run/metrics.csv");
  ::close(pipe[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 141);
  ASSERT_TRUE(begun);
  const auto latest = read_safetensors(dcgan / "run/checkpoints/latest.safetensors");
  dcgan.good(
      {"train", "--resume", "run", "--epochs", std::to_string(std::stoi(latest.metadata.at("epoch")) + 1)});
}

TEST(AppResume, TwoProcessesDoNotTrainInOneFolder) {
  const Program dcgan;
  const pid_t child = dcgan.start(tiny_train({"--epochs", "100000", "--output", "run"}));
  const bool begun = wait_for(dcgan / "run/metrics.csv");
  EXPECT_THROW(gan::RunFolder::open(dcgan / "run"), Error);
  ::kill(child, SIGKILL);
  dcgan.wait(child);
  ASSERT_TRUE(begun);
  dcgan.folder().write("run/reals.png.tmp-1-0", "being written");
  {
    const gan::FolderLock lock(dcgan / "run", "");
    dcgan.bad({"train", "--resume", "run"}, "run: another process trains in it; wait until it has ended\n");
    dcgan.bad(
        tiny_train({"--output", "run"}),
        "run: another process trains in it; wait until it has ended, or name another folder with --output");
    EXPECT_TRUE(dcgan.exists("run/reals.png.tmp-1-0"));
  }
  gan::RunFolder::open(dcgan / "run");
  EXPECT_FALSE(dcgan.exists("run/reals.png.tmp-1-0"));
}

TEST(AppResume, WithoutTheLatestCheckpointTheLastEpochsServes) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "4", "--output", "whole"}));
  dcgan.good(tiny_train({"--epochs", "3", "--output", "run"}));
  const Words resume{"train", "--resume", "run", "--epochs", "4", "--threads", "1"};
  std::filesystem::remove(dcgan / "run/checkpoints/latest.safetensors");
  const Finished finished = dcgan.run(resume);
  EXPECT_EQ(finished.code, 0);
  EXPECT_TRUE(
      contains(finished.err, "latest.safetensors is missing: the run goes on from epoch-0003.safetensors\n"))
      << finished.err;
  expect_same_run(dcgan, "whole", "run");
  for (const std::string& name : dcgan.names("run/checkpoints"))
    std::filesystem::remove(dcgan / ("run/checkpoints/" + name));
  const auto before = dcgan.bytes("run/samples/epoch-0004.png");
  dcgan.bad(resume, "which has done 4 epochs, cannot go on; begin another");
  EXPECT_EQ(dcgan.bytes("run/samples/epoch-0004.png"), before);
}

TEST(AppResume, WithoutTheLatestCheckpointTheLastKeptStepServes) {
  const Program dcgan;
  const Words options{"--steps", "20", "--keep-at", "18", "--keep", "0", "--synthetic-count", "64"};
  dcgan.good(tiny_train(options + Words{"--output", "run"}));
  std::filesystem::remove(dcgan / "run/checkpoints/latest.safetensors");
  const Finished finished = dcgan.run({"train", "--resume", "run", "--steps", "22", "--threads", "1"});
  EXPECT_TRUE(contains(finished.err, "the run goes on from step-000018.safetensors")) << finished.err;
  EXPECT_EQ(finished.code, 0);
}

TEST(AppResume, ATableWithoutItsHeadIsBegunAnew) {
  const Program dcgan;
  for (const char* rest : {"", "epoch,batc"}) {
    const std::string run = concat("run", std::string_view(rest).size());
    dcgan.good(tiny_train({"--epochs", "1", "--output", run}));
    dcgan.folder().write(run + "/metrics.csv", rest);
    dcgan.good({"report", run});
    dcgan.good({"train", "--resume", run, "--epochs", "2"});
    EXPECT_TRUE(dcgan.lines(run + "/metrics.csv").at(1).starts_with("2,1,"));
  }
}

TEST(AppResume, DataByARelativePathAreFoundFromTheFolderWhereTheRunWasBegun) {
  const Program dcgan;
  for (int i = 0; i < 20; ++i)
    dcgan.folder().write(concat("begun/data/", i, ".png"), read_file(fixture("rgb.png")));
  dcgan.good(tiny_train({"--data", dcgan / "begun/data", "--epochs", "1", "--output", "run"}));
  std::string config = dcgan.text("run/config.json");
  const std::string whole = dcgan / "begun/data";
  config.replace(config.find(whole), whole.size(), "data");
  dcgan.folder().write("run/config.json", config);
  dcgan.bad(
      {"train", "--resume", "run", "--epochs", "2"},
      "cannot read the data in data: No such file or directory; the run was begun with --data data, a path "
      "from the folder where it was begun: resume it there, or name where they are now by --data beside "
      "--resume\n");
}

TEST(AppResume, ARunAmongItsDataDoesNotLearnFromItself) {
  const Program dcgan;
  for (int i = 0; i < 16; ++i)
    dcgan.folder().write(concat("data/", i, ".png"), read_file(fixture("rgb.png")));
  dcgan.good(tiny_train({"--data", "data", "--epochs", "1", "--output", "data/run"}));
  const Words resume{"train", "--resume", "data/run", "--threads", "1", "--epochs"};
  const Finished resumed = dcgan.run(resume + Words{"2"});
  EXPECT_EQ(resumed.code, 0);
  EXPECT_EQ(resumed.err, "passed by 1 folder of a training run (run)\n");
  // A figure that was written among them is one of them, until somebody takes it away.
  dcgan.good({"sample", "--checkpoint", "data/run", "--count", "4", "--output", "data/samples.png"});
  const Finished refused = dcgan.run(resume + Words{"3"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_TRUE(contains(refused.err,
                       "was trained on 16 pictures, data now has 17 (the newest: "
                       "data/samples.png); put the data back"))
      << refused.err;
}

TEST(AppResume, DataThatWereMovedAreNamedOnce) {
  const Program dcgan;
  for (int i = 0; i < 20; ++i)
    dcgan.folder().write(concat("data/", i, ".png"), read_file(fixture(i % 2 ? "rgb.png" : "grey.png")));
  const std::string old = dcgan / "data";
  dcgan.good(tiny_train({"--data", old, "--epochs", "3", "--output", "whole"}));
  dcgan.good(tiny_train({"--data", old, "--epochs", "1", "--output", "run"}));
  std::filesystem::rename(dcgan / "data", dcgan / "moved");
  const Words resume{"train", "--resume", "run", "--threads", "1"};
  const auto before = dcgan.bytes("run/config.json");
  dcgan.bad(resume, concat("cannot read the data in ", old,
                           ": No such file or directory; the run was begun on them: name where they are now "
                           "by --data beside --resume\n"));

  // What is not the run's is refused, and changes nothing.
  const std::string nowhere =
      dcgan.bad(resume + Words{"--data", "nowhere"}, "read the data in nowhere: No such");
  EXPECT_FALSE(contains(nowhere, "--data")) << nowhere;
  dcgan.bad(resume + Words{"--data", "synthetic"}, "--data synthetic: the run in run learns from " + old +
                                                       ", and the synthetic set is no such pictures");
  for (int i = 0; i < 20; ++i) {
    dcgan.folder().write(concat("others/", i, ".png"), read_file(fixture(i % 2 ? "grey.png" : "rgb.png")));
    if (i > 0) dcgan.folder().write(concat("fewer/", i, ".png"), read_file(fixture("rgb.png")));
  }
  dcgan.bad(resume + Words{"--data", "fewer"}, "run: was trained on 20 pictures, fewer now has 19");
  dcgan.bad(
      resume + Words{"--data", "others"},
      "others: its first pictures are not those of run/reals.png, which the run was begun with; name by "
      "--data where those are now\n");
  EXPECT_EQ(dcgan.bytes("run/config.json"), before);

  // Also of a run that has ended, whose checkpoints still tell the old place.
  const std::string out = dcgan.good(resume + Words{"--data", "moved"});
  EXPECT_TRUE(contains(out, concat("The data are taken from moved from now on, no more from ", old, "\n")))
      << out;
  EXPECT_EQ(gan::RunFolder::open(dcgan / "run").config().data, "moved");
  dcgan.good({"evaluate", "--checkpoint", "run", "--count", "6"});
  dcgan.good({"evaluate", "--checkpoint", "run/checkpoints/epoch-0001.safetensors", "--count", "6"});
  dcgan.good({"latent", "nearest", "--checkpoint", "run/networks.safetensors", "--count", "1"});
  dcgan.good({"report", "run"});
  EXPECT_TRUE(contains(dcgan.text("run/about.json"), "20 pictures of moved"));
  const std::string on = dcgan.good(resume + Words{"--epochs", "3"});
  EXPECT_FALSE(contains(on, "are taken from")) << on;
  EXPECT_EQ(dcgan.metrics("whole"), dcgan.metrics("run"));
}

TEST(AppResume, TheSyntheticSetIsNotMoved) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  dcgan.folder().write("data/a.png", read_file(fixture("rgb.png")));
  dcgan.bad(
      {"train", "--resume", "run", "--data", "data"},
      "--data data: the run in run learns from the synthetic set, which is drawn wherever it is needed");
  dcgan.good({"train", "--resume", "run", "--data", "synthetic"});
}

// Pictures that were stored anew are not plainly others.
TEST(AppResume, MovedPicturesMayDifferALittle) {
  const Program dcgan;
  const auto write = [&](const std::string& folder, uint8_t grey) {
    for (int i = 0; i < 8; ++i) {
      const auto shade = static_cast<uint8_t>(grey + 10 * i);
      write_png(dcgan.folder().write(concat(folder, "/", i, ".png"), ""),
                {32, 32, 1, std::vector<uint8_t>(1024, shade)});
    }
  };
  write("data", 100);
  write("near", 105);
  write("far", 120);
  dcgan.good(tiny_train({"--data", "data", "--epochs", "1", "--output", "run"}));
  const Words resume{"train", "--resume", "run", "--epochs", "2", "--threads", "1", "--data"};
  dcgan.bad(resume + Words{"far"}, "far: its first pictures are not those of run/reals.png");
  const Finished near = dcgan.run(resume + Words{"near"});
  EXPECT_EQ(near.code, 0) << near.err;
  EXPECT_TRUE(contains(near.err, "near: its first pictures are not those that the run in run was begun"))
      << near.err;
}

TEST(AppResume, AKilledRunGoesOnExactly) {
  const Program dcgan;
  const auto start = std::chrono::steady_clock::now();
  const Words options =
      long_run + Words{"--epochs",         "4", "--keep",           "1", "--keep-at", "40,50",
                       "--evaluate-every", "1", "--evaluate-count", "6"};
  dcgan.good(tiny_train(options + Words{"--output", "whole"}));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::mt19937 random(std::random_device{}());
  std::uniform_real_distribution<double> moment(0, 0.7 * seconds);
  pid_t child = dcgan.start(tiny_train(options + Words{"--output", "killed"}));
  ASSERT_TRUE(wait_for(dcgan / "killed/config.json"));
  std::string moments;
  for (int kill = 0; kill < 4; ++kill) {
    const double after = kill == 0 ? 0 : moment(random);  // the first before there is a checkpoint
    moments += concat(after, " s ");
    std::this_thread::sleep_for(std::chrono::duration<double>(after));
    ::kill(child, SIGKILL);
    const int code = dcgan.wait(child).code;
    EXPECT_TRUE(code == 137 || code == 0) << code;
    child = dcgan.start({"train", "--resume", "killed", "--threads", "1"});
  }
  SCOPED_TRACE("killed after " + moments);
  const Finished finished = dcgan.wait(child);
  ASSERT_EQ(finished.code, 0) << finished.err;
  expect_same_run(dcgan, "whole", "killed");
}

TEST(AppResume, AnEpochThatEndedUnsavedIsRepeatedAndStandsOnceInTheTables) {
  const Program dcgan;
  const Words options{"--synthetic-count", "160", "--keep",     "0", "--evaluate-every", "1",
                      "--evaluate-count",  "6",   "--no-report"};
  dcgan.good(tiny_train(options + Words{"--epochs", "3", "--output", "whole"}));
  dcgan.good(tiny_train(options + Words{"--epochs", "2", "--output", "run"}));
  const uint64_t size = dcgan.bytes("run/checkpoints/latest.safetensors").size();
  const Words resume{"train", "--resume", "run", "--epochs", "3", "--threads", "1"};
  dcgan.bad(resume, "latest.safetensors", size - 1);  // all else is smaller
  for (const char* table : {"run/quality.csv", "run/vitals.csv"})
    EXPECT_EQ(dcgan.lines(table).size(), 4u) << table;
  dcgan.good(resume);
  expect_same_run(dcgan, "whole", "run");
}

// What observers write beside the run is worth a line on stderr, said before the training, and no more.
TEST(AppResume, ADamagedTableEndsNoRun) {
  const Program dcgan;
  const Words watched{"--evaluate-every", "1", "--evaluate-count", "6", "--tensorboard"};
  dcgan.good(tiny_train(watched + Words{"--epochs", "5", "--output", "run"}));
  for (const char* table : {"norms", "quality", "vitals", "diagnosis", "metrics"}) {
    const std::string name = concat("run/", table, ".csv");
    const std::string good = dcgan.exists(name) ? dcgan.text(name) : "epoch,step,cause,text\n";
    dcgan.folder().write(name, good + "damage,\"\n");
  }
  const Words resume{"train", "--resume", "run", "--threads", "1", "--epochs"};
  const Finished finished = dcgan.run(resume + Words{"10"});
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 5) << finished.err;
  for (const char* table : {"norms", "quality", "vitals", "diagnosis", "metrics"}) {
    EXPECT_TRUE(contains(finished.err, concat("run/", table, ".csv is damaged"))) << finished.err;
    EXPECT_TRUE(contains(dcgan.text(concat("run/", table, "-old.csv")), "damage")) << table;
  }
  EXPECT_EQ(dcgan.lines("run/quality.csv").size(), 11u);
  EXPECT_EQ(dcgan.lines("run/vitals.csv").size(), 3u);
  EXPECT_EQ(dcgan.lines("run/metrics.csv").size(), 31u);
  dcgan.good(resume + Words{"11", "--keep-at", "42"});
  EXPECT_TRUE(dcgan.exists("run/checkpoints/step-000042.safetensors"));
}

TEST(AppResume, AnEarlierCheckpointTakesTheLaterPicturesAlong) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "3", "--output", "run"}));
  std::filesystem::copy_file(dcgan / "run/checkpoints/epoch-0001.safetensors",
                             dcgan / "run/checkpoints/latest.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  dcgan.good({"train", "--resume", "run", "--epochs", "2", "--threads", "1"});
  EXPECT_EQ(dcgan.names("run/samples"), (Words{"epoch-0001.png", "epoch-0002.png"}));
}

TEST(AppResume, AFileThatWasBeingWrittenIsTidiedUp) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  dcgan.folder().write("run/checkpoints/latest.safetensors.tmp-1-0", "half");
  dcgan.folder().write("run/reals.png.tmp-1-0", "half");
  dcgan.folder().write("run/notes.tmp-1", "not of the run");
  dcgan.good({"train", "--resume", "run"});
  EXPECT_EQ(dcgan.names("run/checkpoints"), (Words{"epoch-0001.safetensors", "latest.safetensors"}));
  EXPECT_FALSE(dcgan.exists("run/reals.png.tmp-1-0"));
  EXPECT_TRUE(dcgan.exists("run/notes.tmp-1"));
}

TEST(AppResume, BeginsAgainWithTheGivenWeightsWhereNoCheckpointIs) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "first", "--seed", "7"}));
  const Words from_first{"--epochs", "1", "--init", "first/networks.safetensors"};
  dcgan.good(tiny_train(from_first + Words{"--output", "whole"}));
  dcgan.good(tiny_train(from_first + Words{"--output", "killed"}));
  std::filesystem::remove_all(dcgan / "killed/checkpoints");
  std::filesystem::remove(dcgan / "killed/networks.safetensors");
  dcgan.good({"train", "--resume", "killed", "--threads", "1"});
  EXPECT_EQ(dcgan.bytes("whole/networks.safetensors"), dcgan.bytes("killed/networks.safetensors"));
  EXPECT_EQ(dcgan.metrics("whole"), dcgan.metrics("killed"));
}

TEST(AppResume, MoreEpochsContinueAFinishedRun) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "3", "--output", "whole"}));
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  const auto before = dcgan.bytes("run/networks.safetensors");
  const std::string out = dcgan.good({"train", "--resume", "run", "--threads", "1"});
  EXPECT_TRUE(contains(out, "0 iterations to go") && contains(out, "The run has finished; --epochs")) << out;
  EXPECT_EQ(before, dcgan.bytes("run/networks.safetensors"));
  EXPECT_EQ(dcgan.lines("run/metrics.csv").size(), 4u);
  dcgan.good({"train", "--resume", "run", "--epochs", "3", "--threads", "1"});
  EXPECT_EQ(dcgan.bytes("whole/networks.safetensors"), dcgan.bytes("run/networks.safetensors"));
  EXPECT_EQ(dcgan.metrics("whole"), dcgan.metrics("run"));
  dcgan.bad({"train", "--resume", "run", "--epochs", "2"}, "--epochs 2 is fewer than the 3");
}

// Whoever takes them would else get the pictures of the earlier end.
TEST(AppResume, NoNetworksAreOlderThanTheLatestCheckpoint) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  const auto networks = dcgan.bytes("run/networks.safetensors");
  const pid_t child = dcgan.start({"train", "--resume", "run", "--epochs", "100000", "--threads", "1"});
  const bool begun = wait_for(dcgan / "run/samples/epoch-0003.png");
  ::kill(child, SIGINT);
  const Finished stopped = dcgan.wait(child);
  ASSERT_TRUE(begun);
  EXPECT_EQ(stopped.code, 130) << stopped.err;
  EXPECT_TRUE(contains(stopped.out, "run/networks.safetensors is of the end until now")) << stopped.out;
  EXPECT_FALSE(dcgan.exists("run/networks.safetensors"));
  EXPECT_TRUE(
      contains(dcgan.good({"sample", "--checkpoint", "run"}), "from run/checkpoints/latest.safetensors"));
  dcgan.bad(
      {"sample", "--checkpoint", "run/networks.safetensors", "--force"},
      "run/networks.safetensors: is not there, as the run has not ended; its folder stands for the latest "
      "checkpoint");
  const int epochs =
      std::stoi(read_safetensors(dcgan / "run/checkpoints/latest.safetensors").metadata.at("epoch")) + 1;
  dcgan.good({"train", "--resume", "run", "--epochs", std::to_string(epochs), "--threads", "1"});
  EXPECT_NE(dcgan.bytes("run/networks.safetensors"), networks);
}

// Before its first step a run that goes on has nothing newer.
TEST(AppResume, NetworksStayUntilThereIsALaterCheckpoint) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  const gan::RunFolder folder = gan::RunFolder::open(dcgan / "run");
  gan::Config config = folder.config();
  config.epochs = 2;
  gan::Trainer trainer(config);
  const gan::Position position = gan::load_checkpoint(folder.latest(), trainer);
  const SyntheticFaces data(32, 32, 3, 0);
  const volatile std::sig_atomic_t stop = SIGINT;
  EXPECT_EQ(gan::train(trainer, data, folder, position, {.stop = &stop}), gan::Outcome::Stopped);
  EXPECT_TRUE(dcgan.exists("run/networks.safetensors"));
}

TEST(AppResume, EpochsContinueARunThatCountsInSteps) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "2", "--output", "whole"}));
  dcgan.good(tiny_train({"--steps", "3", "--output", "run"}));
  const std::string out = dcgan.good({"train", "--resume", "run", "--threads", "1"});
  EXPECT_TRUE(contains(out, "The run has finished; --steps with more")) << out;
  dcgan.bad({"train", "--resume", "run", "--steps", "2"}, "--steps 2 is fewer than the 3 that the run");
  dcgan.bad({"train", "--resume", "run", "--epochs", "0"}, "--epochs 0 is fewer than the 1 that the run");
  dcgan.good({"train", "--resume", "run", "--epochs", "2", "--threads", "1"});
  EXPECT_EQ(dcgan.bytes("whole/networks.safetensors"), dcgan.bytes("run/networks.safetensors"));
}

TEST(AppResume, TheDiagnosisGoesOnWithinAnEpoch) {
  const Program dcgan;
  dcgan.good(tiny_train({"--steps", "60", "--output", "whole"}));
  dcgan.good(tiny_train({"--steps", "31", "--output", "run"}));
  dcgan.good({"train", "--resume", "run", "--steps", "60", "--threads", "1"});
  EXPECT_EQ(dcgan.lines("whole/vitals.csv").size(), 4u);
  EXPECT_EQ(dcgan.lines("whole/vitals.csv"), dcgan.lines("run/vitals.csv"));
}

/// Replaces `from` in a run's config.json.
void edit_config(const Program& dcgan, const std::string& from, const std::string& to) {
  std::string config = dcgan.text("run/config.json");
  const size_t at = config.find(from);
  ASSERT_NE(at, std::string::npos) << from << " is not in " << config;
  dcgan.folder().write("run/config.json", config.replace(at, from.size(), to));
}

TEST(AppResume, ARunGoesOnWithTheOptionsItWasStartedWith) {
  const Program dcgan;
  const std::string precision = cpu::bf16_supported() ? "bf16" : "fp32";  // most processors have but fp32
  const Words options{"--keep",           "5", "--precision",      precision, "--conv",       "implicit",
                      "--evaluate-every", "2", "--evaluate-count", "6",       "--on-failure", "ignore",
                      "--no-report"};
  dcgan.good(tiny_train(options + Words{"--epochs", "5", "--output", "whole"}));
  dcgan.good(tiny_train(options + Words{"--epochs", "2", "--output", "run"}));
  const Words resume{"train", "--resume", "run", "--threads", "1"};
  const std::string out = dcgan.good(resume + Words{"--epochs", "5"});
  EXPECT_EQ(contains(out, "With products in bf16"), precision == "bf16") << out;
  expect_same_run(dcgan, "whole", "run");

  dcgan.good(resume + Words{"--epochs", "6", "--keep", "1", "--report", "--precision", "fp32"});
  EXPECT_EQ(dcgan.names("run/checkpoints"), (Words{"epoch-0006.safetensors", "latest.safetensors"}));
  EXPECT_TRUE(dcgan.exists("run/report.html"));
  const gan::Json kept = gan::RunFolder::open(dcgan / "run").options();
  EXPECT_EQ(kept["keep"], 1);
  EXPECT_EQ(kept["precision"], "fp32");
  EXPECT_EQ(kept["report"], true);
  EXPECT_EQ(kept["on_failure"], "ignore");
  dcgan.good({"info", "--recipe", "run/config.json"});  // as a recipe it is one without a run
}

// A run that was killed while it rolled back has halved the rates there alone.
TEST(AppResume, TheRatesAreThoseOfTheRunsConfiguration) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--lr-g", "0.004", "--lr-d", "0.008", "--output", "run"}));
  edit_config(dcgan, "0.004", "0.002");
  edit_config(dcgan, "0.008", "0.003");
  dcgan.good({"train", "--resume", "run", "--epochs", "2", "--threads", "1"});
  const SafetensorsFile latest = read_safetensors(dcgan / "run/checkpoints/latest.safetensors");
  EXPECT_EQ(latest.at("optimizer_G.step").to_vector<double>()[0], 0.002);
  EXPECT_EQ(latest.at("optimizer_D.step").to_vector<double>()[0], 0.003);
}

TEST(AppResume, OptionsThatCannotBeHadOrReadAreNamed) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  const Words resume{"train", "--resume", "run"};
  edit_config(dcgan, "\"fp32\"", "\"tf32\"");
  dcgan.bad(resume, "the run in run goes on here, with other numbers, by --precision fp32");
  dcgan.good(resume + Words{"--precision", "fp32"});
  edit_config(dcgan, "\"warn\"", "\"pray\"");
  dcgan.bad(resume, "run/config.json: run.options.on_failure: ");
  edit_config(dcgan, "\"on_failure\"", "\"on_success\"");
  dcgan.bad(resume, "run/config.json: run.options has an unknown entry 'on_success'");
  const std::string config = dcgan.text("run/config.json");
  const size_t begin = config.find("\"options\": "), end = config.find('}', begin);
  edit_config(dcgan, config.substr(begin, end + 1 - begin), "\"options\": {}");
  dcgan.good(resume);  // a folder from before options were kept has none
}

// So a command goes on that had --resume put behind it, and nothing can become another run's.
TEST(AppResume, OptionsOfTheRunMayBeRepeatedAsTheyAre) {
  const Program dcgan;
  dcgan.folder().write("mine.json", R"({"latent": {"z_dim": 8}, "networks": {"g_dim": 4, "d_dim": 4}})");
  const Words begun{"train",     "--recipe",
                    "mine.json", "--synthetic-count",
                    "32",        "--batch-size",
                    "8",         "--seed",
                    "3",         "--lr",
                    "0.0004",    "--lr-d",
                    "0.0002",    "--betas",
                    "0.4,0.9",   "--hflip",
                    "--data",    "synthetic",
                    "--crop",    "0",
                    "--epochs",  "1",
                    "--threads", "1"};
  dcgan.good(begun + Words{"--output", "run"});
  dcgan.good(begun + Words{"--resume", "run"});
  const Words resume{"train", "--resume", "run", "--epochs", "1"};
  const auto config = dcgan.bytes("run/config.json");
  for (const Words& same :
       {Words{"--seed", "3"}, {"--lr-g", "4e-4"}, {"--g-dim", "4"}, {"--hflip"}, {"--shuffle"}})
    dcgan.good(resume + same);
  EXPECT_EQ(config, dcgan.bytes("run/config.json"));
  for (const Words& other : {Words{"--seed", "4"},
                             {"--lr", "0.0004"},  // which D's is not
                             {"--lr-d", "0.0003", "--lr", "0.0004"},
                             {"--g-dim", "8"},
                             {"--no-hflip"},
                             {"--recipe", "celeba32"},
                             {"--recipe", "mine.json"}}) {  // of which options have changed much
    const std::string line = dcgan.bad(resume + other, "cannot be changed by --resume");
    const std::string option = other[0] == "--no-hflip" ? "--hflip" : other[0];
    EXPECT_TRUE(line.starts_with("dcgan: " + option + " ")) << line;
  }
  EXPECT_EQ(config, dcgan.bytes("run/config.json"));
}

TEST(AppResume, ARunKeepsItsOptionsAndData) {
  const Program dcgan;
  for (int i = 0; i < 9; ++i)
    std::filesystem::copy(fixture("rgb.png"), dcgan.folder().write(concat("data/", i, ".png"), ""),
                          std::filesystem::copy_options::overwrite_existing);
  dcgan.good(tiny_train(
      {"--data", "data", "--seed", "5", "--negative-slope", "0.3", "--epochs", "1", "--output", "run"}));
  const Words resume{"train", "--resume", "run"};
  dcgan.bad(resume + Words{"--lr", "1"}, "--lr cannot be changed by --resume");
  const auto latest = dcgan.bytes("run/checkpoints/latest.safetensors"),
             config = dcgan.bytes("run/config.json");
  std::filesystem::remove(dcgan / "data/3.png");
  const std::string line =
      dcgan.bad(resume + Words{"--epochs", "2"},
                "run: was trained on 9 pictures, data now has 8; put the data back as they were, or begin "
                "another run on these: " DUEL_DCGAN
                " train --recipe run/config.json --data data --seed 5 --init "
                "run/checkpoints/latest.safetensors\n");
  EXPECT_EQ(latest, dcgan.bytes("run/checkpoints/latest.safetensors"));
  EXPECT_EQ(config, dcgan.bytes("run/config.json"));
  dcgan.bad({"train", "--resume", "nowhere"}, "nowhere: is no folder");
  dcgan.bad({"train", "--resume", "data"}, "data: holds no run");
  // The advice is a command of the shell, and the other run has the numbers of this one.
  const std::string command = line.substr(line.find(DUEL_DCGAN), line.size() - 1 - line.find(DUEL_DCGAN));
  const std::string again = "cd " + dcgan.folder().path().string() + " && " + command;
  EXPECT_EQ(std::system((again + " --threads 1 --output again >out 2>err").c_str()), 0) << dcgan.text("err");
  EXPECT_EQ(gan::RunFolder::open(dcgan / "again").config().negative_slope, 0.3);
}

}  // namespace
}  // namespace duel
