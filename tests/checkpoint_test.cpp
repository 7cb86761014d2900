// What a checkpoint holds, and that a file which does not fit changes nothing.
#include "apps/gan/checkpoint.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "lib/io/safetensors.h"
#include "tests/files.h"
#include "tests/tensors.h"

namespace duel::gan {
namespace {

Config saved_config(uint64_t seed = 0) {
  Config config;
  config.g_dim = config.d_dim = 2;
  config.z_dim = 4;
  config.batch_size = 4;
  config.seed = seed;
  return config;
}

/// Also of whole numbers.
std::vector<double> numbers_of(const Tensor& tensor) {
  if (tensor.dtype() != DType::Int64) return values_of(tensor);
  const std::vector<int64_t> whole = tensor.to_vector<int64_t>();
  return {whole.begin(), whole.end()};
}

/// All of a trainer that a checkpoint brings back.
std::map<std::string, std::vector<double>> everything(Trainer& trainer) {
  std::map<std::string, std::vector<double>> all;
  for (const auto& [prefix, network] :
       {std::pair<const char*, nn::Module*>{"G", &trainer.generator()}, {"D", &trainer.discriminator()}})
    for (const nn::NamedTensor& part : network->state(prefix)) all[part.name] = numbers_of(*part.tensor);
  for (const auto& [prefix, optimizer] :
       {std::pair{"optimizer_G.", &trainer.optimizer_g()}, {"optimizer_D.", &trainer.optimizer_d()}})
    for (const auto& [name, tensor] : optimizer->state()) all[prefix + name] = numbers_of(tensor);
  for (const auto& [name, stream] : trainer.random_streams())
    all[name] = {static_cast<double>(stream->position())};
  return all;
}

/// Puts the streams at 1, 2, ... times `step`.
void set_positions(Trainer& trainer, int64_t step) {
  int64_t position = 0;
  for (const auto& [name, stream] : trainer.random_streams()) stream->set_position(position += step);
}

class Checkpoint : public testing::Test {
 protected:
  void SetUp() override {
    Trainer saved(saved_config(1));
    set_positions(saved, 10);
    save_checkpoint(path(), saved, {.epoch = 3});
    set_positions(trainer_, 7);
  }

  std::filesystem::path path() const { return folder_ / "checkpoint"; }

  void change(const std::function<void(SafetensorsFile&)>& change) const {
    SafetensorsFile file = read_safetensors(path());
    change(file);
    write_safetensors(path(), file.tensors, file.metadata);
  }

  /// The message of loading it, which must leave the trainer as it was.
  std::string refused() {
    const auto before = everything(trainer_);
    std::string message = error_of([&] { load_checkpoint(path(), trainer_); });
    EXPECT_EQ(everything(trainer_), before) << message;
    return message;
  }

  const TemporaryFolder folder_;
  Trainer trainer_{saved_config()};
};

void replace_tensor(SafetensorsFile& file, const std::string& name,
                    const std::function<Tensor(const Tensor&)>& by) {
  for (auto& [found, tensor] : file.tensors)
    if (found == name) tensor = by(tensor);
}

TEST_F(Checkpoint, OfAnotherShapeChangesNothing) {
  change([](SafetensorsFile& file) {
    replace_tensor(file, "optimizer_D.fc.bias.exp_avg_sq", [](const Tensor&) { return Tensor::zeros({7}); });
  });
  EXPECT_TRUE(contains(refused(), "optimizer_D.fc.bias.exp_avg_sq has shape (7)"));
}

TEST_F(Checkpoint, OfAnotherTypeChangesNothing) {
  change([](SafetensorsFile& file) {
    replace_tensor(file, "optimizer_G.fc.weight.exp_avg",
                   [](const Tensor& tensor) { return tensor.to(DType::Float64); });
  });
  EXPECT_TRUE(contains(refused(), "optimizer_G.fc.weight.exp_avg holds float64, expected float32"));
}

TEST_F(Checkpoint, OfAnotherFormatChangesNothing) {
  change([](SafetensorsFile& file) { file.metadata["format"] = "duel dcgan checkpoint 2"; });
  EXPECT_TRUE(
      contains(refused(),
               ": is of the format 'duel dcgan checkpoint 2', this program reads 'duel dcgan checkpoint "
               "1'"));
}

TEST_F(Checkpoint, BringsEverythingBack) {
  Trainer saved(saved_config(1));
  set_positions(saved, 10);
  EXPECT_EQ(load_checkpoint(path(), trainer_).epoch, 3);
  EXPECT_EQ(everything(trainer_), everything(saved));
}

// The noise of labels is younger than the first checkpoints, and so is dropout.
TEST_F(Checkpoint, StreamsThatItDoesNotKnowStayWhereTheyAre) {
  const auto before = everything(trainer_);
  change([](SafetensorsFile& file) {
    for (const char* name : {"label", "dropout_G", "dropout_D"})
      EXPECT_EQ(file.metadata.erase(concat(name, "_position")), 1u) << name;
  });
  load_checkpoint(path(), trainer_);
  const auto after = everything(trainer_);
  EXPECT_NE(after.at("latent"), before.at("latent"));
  for (const char* name : {"label", "dropout_G", "dropout_D"})
    EXPECT_EQ(after.at(name), before.at(name)) << name;
  change([](SafetensorsFile& file) { file.metadata.erase("latent_position"); });
  EXPECT_TRUE(contains(refused(), "its metadata has no 'latent_position'"));
}

/// Outside the program weights, and what Adam keeps of them, have PyTorch's shapes.
TEST_F(Checkpoint, HasPyTorchsShapes) {
  const SafetensorsFile file = read_safetensors(path());
  for (const auto& [network, optimizer, name] :
       {std::tuple{"G", "optimizer_G", "layer_1.0.weight"}, {"D", "optimizer_D", "layer_2.0.weight"}}) {
    const Shape shape = file.at(concat(network, ".", name)).shape();
    EXPECT_EQ(shape[2], 4) << shape;  // height and width of the kernel come last
    EXPECT_EQ(shape[3], 4) << shape;
    for (const char* moment : {".exp_avg", ".exp_avg_sq"})
      EXPECT_EQ(file.at(concat(optimizer, ".", name, moment)).shape(), shape) << name << moment;
  }
}

}  // namespace
}  // namespace duel::gan
