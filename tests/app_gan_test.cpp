// The parts of apps/gan that a whole run shows badly.
#include <chrono>
#include <cmath>
#include <thread>

#include "apps/gan/describe_run.h"
#include "apps/gan/json.h"
#include "apps/gan/pictures.h"
#include "apps/gan/progress.h"
#include "apps/gan/run_folder.h"
#include "apps/gan/run_table.h"
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
  const auto go_back_to = [&](int64_t step) { EXPECT_TRUE(folder.go_back_to(0, step).empty()) << step; };
  go_back_to(3);
  EXPECT_FALSE(std::filesystem::exists(temporary / "run/metrics.csv"));
  const auto metrics = [&] {
    const auto bytes = read_file(temporary / "run/metrics.csv");
    return std::string(bytes.begin(), bytes.end());
  };
  for (int64_t step = 1; step <= 12; ++step) folder.append_metrics({1, step, step, 0.5, 0.25, 0, 1, 10});
  const std::string head = "epoch,batch,step,d_loss,g_loss,d_real,d_fake,images_per_second\n";
  const std::string first = "1,1,1,0.5,0.25,0,1,10\n";
  go_back_to(11);
  temporary.write("run/metrics.csv", metrics() + "1,12,1");  // cut short: step 12 would pass for step 1
  go_back_to(1);
  EXPECT_EQ(metrics(), head + first);
  go_back_to(0);
  EXPECT_EQ(metrics(), head);
  folder.append_metrics({1, 1, 1, 0.5, 0.25, 0, 1, 10});
  EXPECT_EQ(metrics(), head + first);
}

TEST(GanRunFolder, MetricsTellSinglePrecisionApart) {
  const TemporaryFolder temporary;
  const RunFolder folder = RunFolder::create(temporary / "run", Config{});
  folder.append_metrics({1, 1, 1, 1.2345678f, 0.1f, 0, 1, 10});
  const auto bytes = read_file(temporary / "run/metrics.csv");
  const std::string text(bytes.begin(), bytes.end());
  EXPECT_TRUE(text.ends_with("\n1,1,1,1.23456776,0.100000001,0,1,10\n")) << text;
}

TEST(GanRunFolder, TidiesWhatWasLeftUnfinished) {
  const TemporaryFolder temporary;
  RunFolder::create(temporary / "run", Config{});
  const std::vector<std::string> parts{"samples/epoch-0001.png", "checkpoints/latest.safetensors",
                                       "metrics.csv"};
  for (const std::string& part : parts) {
    temporary.write("run/" + part, "");
    temporary.write("run/" + part + ".tmp-1-0", "");
  }
  temporary.write("run/samples/mine.txt.tmp-1-0", "");
  const RunFolder folder = RunFolder::open(temporary / "run");
  for (const std::string& part : parts) {
    EXPECT_TRUE(std::filesystem::exists(folder.path() / part)) << part;
    EXPECT_FALSE(std::filesystem::exists(folder.path() / (part + ".tmp-1-0"))) << part;
  }
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "samples/mine.txt.tmp-1-0")) << "of another program";
}

TEST(GanRunFolder, GoesBackInAllItsTables) {
  const TemporaryFolder temporary;
  const RunFolder folder = RunFolder::create(temporary / "run", Config{});
  const auto text = [&](const std::string& name) {
    const auto bytes = read_file(temporary / ("run/" + name));
    return std::string(bytes.begin(), bytes.end());
  };
  const std::string norms = "step,layer,weight,gradient\n4,G.fc,1,-nan\n", quality = "epoch,step,swd\n1,4,\n",
                    findings = "epoch,step,cause,text\n1,4,\"D, has won\",\"two\nlines \"\"quoted\"\"\"\n";
  temporary.write("run/norms.csv", norms + "5,G.fc,2,2\n6,G.f");
  temporary.write("run/quality.csv", quality + "2,8,0.5\n3,12\n");
  temporary.write("run/diagnosis.csv", findings + "2,8,a cause,\"cut\nshor");
  temporary.write("run/vitals.csv", "epoch,st");
  const std::vector<std::string> damaged = folder.go_back_to(1, 4);
  // A text cut short behind an end of line looks like a quotation mark that is never closed.
  ASSERT_EQ(damaged.size(), 1u);
  EXPECT_NE(damaged[0].find("diagnosis.csv is damaged"), std::string::npos) << damaged[0];
  EXPECT_EQ(text("norms.csv"), norms);
  EXPECT_EQ(text("quality.csv"), quality);
  EXPECT_EQ(text("diagnosis.csv"), findings);
  EXPECT_EQ(text("vitals.csv"), "");
  EXPECT_TRUE(folder.go_back_to(1, 4).empty());
}

TEST(GanRunFolder, PutsDamagedTablesAside) {
  const TemporaryFolder temporary;
  const std::filesystem::path table = temporary / "norms.csv";
  const std::string head = "step,layer,weight,gradient\n", good = "1,G.fc,1,2\n";
  for (const char* bad : {"2,G.fc,1\n", "2,G.fc,1,2,3\n", "2,G.fc,1,x\n", ",G.fc,1,2\n", "2\"\",G.fc,1,2\n",
                          "\"2,G.fc,1,2\n", "\n", "-inf,G.fc,1,2\n", "-1,G.fc,1,2\n", "1.5,G.fc,1,2\n"}) {
    const std::string whole = head + good + bad + "3,G.fc,1,2\n";
    temporary.write("norms.csv", whole);
    const std::string line = cut_table(table, 2, {"layer"});
    EXPECT_TRUE(
        line.ends_with("norms.csv is damaged: its good rows stay, the file as it was is norms-old.csv"))
        << bad << line;
    const auto kept = read_file(table), old = read_file(temporary / "norms-old.csv");
    EXPECT_EQ(std::string(kept.begin(), kept.end()), head + good) << bad;
    EXPECT_EQ(std::string(old.begin(), old.end()), whole) << bad;
    std::filesystem::remove(temporary / "norms-old.csv");
  }
  temporary.write("norms.csv", "no table\n1\n");
  EXPECT_TRUE(
      cut_table(table, 2).ends_with("norms.csv has no column step: it is put aside as norms-old.csv"));
  EXPECT_FALSE(std::filesystem::exists(table));
  EXPECT_EQ(cut_table(table, 2), "");
}

TEST(GanRunFolder, PutsNoTableOverAnother) {
  const TemporaryFolder temporary;
  const std::filesystem::path table = temporary / "norms.csv";
  const auto text = [&](const std::string& name) {
    const auto bytes = read_file(temporary / name);
    return std::string(bytes.begin(), bytes.end());
  };
  temporary.write("norms-old.csv", "of an earlier time");
  temporary.write("norms.csv", "step\nx\n");
  EXPECT_TRUE(cut_table(table, 2).ends_with("the file as it was is norms-old-2.csv"));
  EXPECT_EQ(put_aside(table, "is odd"), table.string() + " is odd: it is put aside as norms-old-3.csv");
  EXPECT_EQ(text("norms-old.csv"), "of an earlier time");
  EXPECT_EQ(text("norms-old-2.csv"), "step\nx\n");
  EXPECT_EQ(text("norms-old-3.csv"), "step\n");
}

TEST(GanRunFolder, SaysSoWhereARowCannotBeWritten) {
  EXPECT_EQ(
      error_of([] { append_row("/dev/full", {"step"}, {"1"}); }),
      "cannot write /dev/full: No space left on device; free some and try again, what was saved before is "
      "whole");
}

TEST(GanRunFolder, RemovesThePicturesOfLaterEpochsAndSteps) {
  const TemporaryFolder temporary;
  const RunFolder folder = RunFolder::create(temporary / "run", Config{});
  const std::vector<const char*> kept{"epoch-0001.png",   "epoch-0002.png",  "epoch-3.png",
                                      "epoch-0003.jpg",   "step-000008.png", "epoch-0003.png.txt",
                                      "my-epoch-0003.png"};
  for (const char* name : kept) temporary.write(concat("run/samples/", name), "picture");
  for (const char* name : {"epoch-0003.png", "epoch-12345.png", "step-000009.png"})
    temporary.write(concat("run/samples/", name), "picture");
  folder.go_back_to(2, 8);
  for (const char* name : kept)
    EXPECT_TRUE(std::filesystem::exists(temporary / concat("run/samples/", name))) << name;
  EXPECT_EQ(list_folder(temporary / "run/samples").size(), kept.size());
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

TEST(GanPictures, WhatIsBeyondTheRangeIsBlackOrWhite) {
  const Tensor pictures = Tensor::from(std::vector<float>{-2, -1, 0, 1, 2}, {1, 1, 5, 1});
  EXPECT_EQ(to_images(pictures)[0].pixels, (std::vector<uint8_t>{0, 0, 128, 255, 255}));
}

TEST(GanWork, IsCountedForAnIteration) {
  Config config;
  config.z_dim = 1000;
  config.batch_size = 4;
  config.generator = parse_json(
      R"([{"type": "Linear", "out_features": 3072}, {"type": "Unflatten", "unflattened_size": [3, 32, 32]}])",
      "G");
  config.discriminator = parse_json(R"([{"type": "Flatten"}, {"type": "Linear", "out_features": 1}])", "D");
  Trainer trainer(config);
  // For a picture G's forward takes g, D's d. D's step: g, and on real and fake d forward and d backward, as
  // the pictures get no gradient. G's step: g and d forward, d backward, and g backward, as z gets none.
  constexpr int64_t g = 1000 * 3072, d = 3072;
  EXPECT_EQ(multiply_adds_per_iteration(trainer), 4 * (g + 4 * d + 2 * g + 2 * d));
  // Four numbers for each of 3078145 parameters, and for each picture the outputs of D's layers and of G's.
  EXPECT_EQ(describe_work(trainer),
            "An iteration on 4 pictures takes 0.0739 GFLOP and about 49 MB of memory\n");
}

TEST(GanProgress, WritesDurationsForPeople) {
  EXPECT_EQ(duration(0), "0 s");
  EXPECT_EQ(duration(45.4), "45 s");
  EXPECT_EQ(duration(59.6), "1:00");
  EXPECT_EQ(duration(372), "6:12");
  EXPECT_EQ(duration(3765), "1:02:45");
}

// Speeds are held against what the clock allows: however slow the machine, they are no higher and no lower.

TEST(GanProgress, CountsTheLastEpochAlsoWhereItIsCutShortAndNoWorkOfAnEarlierProcess) {
  testing::internal::CaptureStdout();
  Progress progress(10, 4, 8, 9);  // resumed before its last batch
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  progress.update({.epoch = 3, .batch = 2, .step = 10}, true);
  const std::string line = testing::internal::GetCapturedStdout();
  EXPECT_TRUE(contains(line, "epoch 3/3  batch 2/4  ")) << line;
  const size_t end = line.find(" images/s  0 s left");
  ASSERT_NE(end, std::string::npos) << line;
  EXPECT_LE(std::stod(line.substr(line.rfind("  ", end))), 8 / 0.02) << line;
}

TEST(GanProgress, TheSpeedOfALineIsThatSinceTheLineBefore) {
  testing::internal::CaptureStdout();
  Progress progress(10, 4, 8, 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const auto before = std::chrono::steady_clock::now();
  progress.update({.epoch = 1, .batch = 1, .step = 1}, true);
  EXPECT_LE(progress.images_per_second(), 8 / 0.05);
  progress.update({.epoch = 1, .batch = 2, .step = 2}, true);
  const double speed = progress.images_per_second();
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - before;
  EXPECT_GE(speed, 8 / since.count());
  testing::internal::GetCapturedStdout();
}

}  // namespace
}  // namespace duel::gan
