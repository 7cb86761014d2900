// What a run saves that comes to no end of its own, and that it writes no networks that are broken.
#include "apps/gan/training_run.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <string>
#include <vector>

#include "apps/gan/batches.h"
#include "lib/data/synthetic.h"
#include "lib/io/file.h"
#include "tests/files.h"

namespace duel::gan {
namespace {

/// Four steps an epoch, and a line of metrics.csv each.
Config short_config() {
  Config config;
  config.g_dim = config.d_dim = 2;
  config.z_dim = 4;
  config.batch_size = 4;
  config.sample_count = 4;
  config.log_every = 1;
  config.epochs = 1;
  return config;
}

/// Runs what must diverge, silently; the error's message.
std::string divergence_of(Trainer& trainer, const RunFolder& folder, const RunOptions& options) {
  const SyntheticFaces faces(16, 32, 3, 1);
  std::string message;
  testing::internal::CaptureStdout();
  try {
    train(trainer, faces, folder, {}, options);
    ADD_FAILURE() << "the run has not diverged";
  } catch (const Diverged& error) {
    message = error.what();
  }
  testing::internal::GetCapturedStdout();
  return message;
}

// G's step is the last of an iteration, so that its losses are still numbers.
TEST(TrainingRun, KeepsNoStepWhoseNetworksAreBroken) {
  const TemporaryFolder temporary;
  Config config = short_config();
  config.keep_at = {1};
  Trainer trainer(config);
  for (const auto& [name, tensor] : trainer.optimizer_g().state())
    if (name == "fc.weight.exp_avg") tensor.fill(std::numeric_limits<double>::infinity());
  const RunFolder folder = RunFolder::create(temporary / "run", config);
  const std::string message = divergence_of(trainer, folder, {});
  EXPECT_TRUE(contains(message, "G.fc.weight is no longer finite at epoch 1, batch 1 (step 1)")) << message;
  EXPECT_FALSE(std::filesystem::exists(folder.step_checkpoint(1)));
  EXPECT_FALSE(std::filesystem::exists(folder.step_samples(1)));
}

TEST(TrainingRun, ThatIsStoppedSavesNoNetworksThatAreBroken) {
  const TemporaryFolder temporary;
  Trainer trainer(short_config());
  const RunFolder folder = RunFolder::create(temporary / "run", trainer.config());
  temporary.write("run/checkpoints/latest.safetensors", "as it was");
  volatile std::sig_atomic_t stop = 0;
  struct Saboteur final : Observer {
    volatile std::sig_atomic_t& stop;
    explicit Saboteur(volatile std::sig_atomic_t& to_set) : stop(to_set) {}
    void logged(Trainer& trained, const Metrics&) override {
      trained.discriminator().parameters()[0].tensor->fill(std::numeric_limits<double>::quiet_NaN());
      stop = 1;
    }
  } saboteur(stop);
  const std::string message = divergence_of(trainer, folder, {.stop = &stop, .observers = {&saboteur}});
  EXPECT_TRUE(contains(message, "D.layer_1.0.weight is no longer finite at epoch 1, batch 1 (step 1)"))
      << message;
  const auto bytes = read_file(folder.latest());
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()), "as it was");
}

/// Faces on a disk that may fail.
class FailingSet final : public Dataset {
 public:
  int64_t size() const override { return faces_.size(); }
  int64_t image_size() const override { return faces_.image_size(); }
  int64_t channels() const override { return faces_.channels(); }
  std::string description() const override { return "faces on a disk"; }
  void read(int64_t index, uint8_t* pixels) const override {
    check(!fails, "cannot read face.png: Input/output error");
    faces_.read(index, pixels);
  }

  std::atomic<bool> fails = false;

 private:
  const SyntheticFaces faces_{16, 32, 3, 1};
};

/// Lets the disk fail after the fifth step. Batches that were prepared by then are trained on all the same.
struct DiskBreaker final : Observer {
  explicit DiskBreaker(FailingSet& to_fail) : data(to_fail) {}
  void logged(Trainer&, const Metrics& m) override { data.fails = m.step >= 5; }
  void ended(const RunFolder&, Ending how) override { endings.push_back(how); }
  FailingSet& data;
  std::vector<Ending> endings;
};

/// Trains silently; the error's message where a picture could not be read.
std::string unreadable_in(Trainer& trainer, const Dataset& data, const RunFolder& folder,
                          const Position& position, const RunOptions& options) {
  std::string message;
  testing::internal::CaptureStdout();
  try {
    train(trainer, data, folder, position, options);
  } catch (const UnreadablePicture& error) {
    message = error.what();
  }
  testing::internal::GetCapturedStdout();
  return message;
}

TEST(TrainingRun, ThatCannotReadAPictureAnyMoreIsSavedAndGoesOnExactly) {
  const TemporaryFolder temporary;
  Config config = short_config();
  config.epochs = 12;  // more steps than a loader of many threads prepares
  FailingSet data;
  Trainer whole(config);
  const RunFolder whole_folder = RunFolder::create(temporary / "whole", config);
  EXPECT_EQ(unreadable_in(whole, data, whole_folder, {}, {}), "");

  Trainer trainer(config);
  const RunFolder folder = RunFolder::create(temporary / "run", config);
  DiskBreaker breaker(data);
  const std::string message = unreadable_in(trainer, data, folder, {}, {.observers = {&breaker}});
  EXPECT_EQ(breaker.endings, std::vector{Ending::Failed});
  data.fails = false;

  Trainer resumed(config);
  const Position position = load_checkpoint(folder.latest(), resumed);
  EXPECT_GE(position.epoch, 1);
  EXPECT_EQ(message, concat("cannot read face.png: Input/output error; the run is saved after epoch ",
                            position.epoch, ", batch ", position.batch));
  EXPECT_EQ(unreadable_in(resumed, data, folder, position, {}), "");
  EXPECT_EQ(read_file(folder.networks()), read_file(whole_folder.networks()));
}

}  // namespace
}  // namespace duel::gan
