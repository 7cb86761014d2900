// The parts of apps/gan that a whole run shows badly.
#include <cmath>

#include "apps/gan/json.h"
#include "apps/gan/progress.h"
#include "apps/gan/run_folder.h"
#include "apps/gan/trainer.h"
#include "lib/io/file.h"
#include "tests/files.h"

namespace duel::gan {
namespace {

TEST(GanConfig, GoesThroughJsonUnchanged) {
  Config config;
  EXPECT_EQ(config_from_json(to_json(config)), config);
  config.data = "päth with \"quotes\"";
  config.hflip = true;
  config.optimizer_g.lr = 1.0 / 3;
  config.optimizer_d.type = "RMSprop";
  config.keep_at = {3, 5};
  config.generator[0]["out_features"] = 7;
  config.seed = ~uint64_t{0};
  config.init = "a.safetensors";
  config.image_size = 128;
  EXPECT_EQ(config_from_json(parse_json(config_text(config), "config")), config);
  EXPECT_EQ(config_from_json(Json::object()), Config{});
}

TEST(GanConfig, NamesWhatJsonHasWrong) {
  const auto error = [](const char* text) {
    return error_of([&] { config_from_json(parse_json(text, "config")); });
  };
  EXPECT_TRUE(contains(error("[1]"), "must be a JSON object, got array"));
  EXPECT_TRUE(contains(error(R"({"colour": 1})"), "unknown entry 'colour'"));
  EXPECT_TRUE(contains(error(R"({"data": {"colour": 1}})"), "unknown entry 'data.colour'"));
  EXPECT_TRUE(contains(error(R"({"run": {"data": 1}})"), "run.data must be a text, got 1"));
  EXPECT_TRUE(contains(error(R"({"optimizer_D": {"lr": "high"}})"), "optimizer_D.lr must be a number"));
  EXPECT_TRUE(
      contains(error(R"({"optimizer_G": {"betas": [1]}})"), "optimizer_G.betas must be a list of two"));
  EXPECT_TRUE(contains(error(R"({"schedule": {"epochs": 1.5}})"), "schedule.epochs must be a whole number"));
  EXPECT_TRUE(contains(error(R"({"schedule": {"keep_at": [1, "2"]}})"), "keep_at must be a list of whole"));
  EXPECT_TRUE(contains(error(R"({"run": {"seed": -1}})"), "run.seed must be a whole number of at least 0"));
  EXPECT_TRUE(contains(error(R"({"data": {"hflip": 1}})"), "data.hflip must be true or false, got 1"));
  EXPECT_TRUE(contains(error(R"({"run": {}, "generator": "G"})"), "generator must be a list of layers"));
  EXPECT_TRUE(contains(error(R"({"run": {}, "schedule": 40})"), "schedule must be an object, got 40"));
}

TEST(GanConfig, NamesTheOptionThatIsOutOfRange) {
  const auto error = [](void (*spoil)(Config&)) {
    Config config;
    spoil(config);
    return error_of([&] { check_config(config); });
  };
  EXPECT_NO_THROW(check_config(Config{}));
  EXPECT_TRUE(contains(error([](Config& c) { c.image_size = 16; }), "--image-size"));
  EXPECT_TRUE(contains(error([](Config& c) { c.optimizer_g.betas[0] = 1; }), "--betas: the first"));
  EXPECT_TRUE(contains(error([](Config& c) { c.bn_eps = 0; }), "--bn-eps"));
  EXPECT_TRUE(contains(error([](Config& c) { c.bn_momentum = 1.5; }), "--bn-momentum"));
  EXPECT_TRUE(contains(error([](Config& c) { c.optimizer_d.lr = std::nan(""); }), "--lr"));
  EXPECT_TRUE(contains(error([](Config& c) { c.z_dim = 0; }), "--z-dim"));
}

TEST(GanNetworks, HaveTheSizesOfTheirPictures) {
  for (const int64_t size : {32, 64, 128}) {
    for (const int64_t channels : {1, 3}) {
      Config config;
      config.g_dim = config.d_dim = 2;
      config.image_size = size;
      config.channels = channels;
      Trainer trainer(config);
      const Tensor pictures = generate(trainer.generator(), trainer.draw_z(3), 2);
      EXPECT_EQ(pictures.shape(), (Shape{3, size, size, channels}));
      for (const float x : pictures.to_vector<float>()) ASSERT_LE(std::abs(x), 1);
      EXPECT_EQ(trainer.discriminator()(pictures).shape(), (Shape{3, 1}));
    }
  }
}

TEST(GanNetworks, HaveTheNamesOfPyTorch) {
  const Config config;
  const auto names = [](const nn::Module& network) {
    std::vector<std::string> found;
    for (const nn::NamedTensor& part : network.state()) found.push_back(part.name);
    return found;
  };
  const auto norm = [](const std::string& layer) {
    std::vector<std::string> found;
    for (const char* part : {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"})
      found.push_back(layer + part);
    return found;
  };
  std::vector<std::string> g{"fc.weight", "fc.bias"}, d{"layer_1.0.weight"};
  for (const char* layer : {"layer_1.", "layer_2.", "layer_3."}) {
    g.push_back(concat(layer, "0.weight"));
    for (const std::string& name : norm(concat(layer, "1."))) g.push_back(name);
  }
  g.push_back("layer_4.0.weight");
  for (const char* layer : {"layer_2.", "layer_3."}) {
    d.push_back(concat(layer, "0.weight"));
    for (const std::string& name : norm(concat(layer, "1."))) d.push_back(name);
  }
  d.insert(d.end(), {"fc.weight", "fc.bias"});
  EXPECT_EQ(names(Generator(config)), g);
  EXPECT_EQ(names(Discriminator(config)), d);
}

TEST(GanRunFolder, CutsMetricsBackToAStep) {
  const TemporaryFolder temporary;
  const RunFolder folder = RunFolder::create(temporary / "run", Config{});
  folder.truncate_metrics(3);
  EXPECT_FALSE(std::filesystem::exists(temporary / "run/metrics.csv"));
  const auto metrics = [&] {
    const auto bytes = read_file(temporary / "run/metrics.csv");
    return std::string(bytes.begin(), bytes.end());
  };
  for (int64_t step = 1; step <= 12; ++step) folder.append_metrics({1, step, step, 0.5, 0.25, 0, 1, 10});
  const std::string head = "epoch,batch,step,d_loss,g_loss,d_real,d_fake,images_per_second\n";
  const std::string first = "1,1,1,0.5,0.25,0,1,10\n";
  folder.truncate_metrics(11);
  temporary.write("run/metrics.csv", metrics() + "1,12,1");  // cut short: step 12 would pass for step 1
  folder.truncate_metrics(1);
  EXPECT_EQ(metrics(), head + first);
  folder.truncate_metrics(0);
  EXPECT_EQ(metrics(), head);
  folder.append_metrics({1, 1, 1, 0.5, 0.25, 0, 1, 10});
  EXPECT_EQ(metrics(), head + first);
}

TEST(GanRunFolder, KeepsTheLastCheckpoints) {
  const TemporaryFolder temporary;
  const RunFolder folder = RunFolder::create(temporary / "run", Config{});
  for (const int64_t epoch : {1, 2, 4, 5})  // 3 is missing, as after a run that kept none
    temporary.write("run/checkpoints/" + folder.epoch_checkpoint(epoch).filename().string(), "");
  folder.prune_checkpoints(5, 2);
  for (const int64_t epoch : {1, 2, 3}) EXPECT_FALSE(std::filesystem::exists(folder.epoch_checkpoint(epoch)));
  for (const int64_t epoch : {4, 5}) EXPECT_TRUE(std::filesystem::exists(folder.epoch_checkpoint(epoch)));
}

TEST(GanProgress, WritesDurationsForPeople) {
  EXPECT_EQ(duration(0), "0 s");
  EXPECT_EQ(duration(45.4), "45 s");
  EXPECT_EQ(duration(59.6), "1:00");
  EXPECT_EQ(duration(372), "6:12");
  EXPECT_EQ(duration(3765), "1:02:45");
}

}  // namespace
}  // namespace duel::gan
