#include "apps/tensorboard/tensorboard_observer.h"

#include <iostream>
#include <utility>
#include <vector>

#include "apps/gan/run_files.h"
#include "apps/gan/run_table.h"
#include "apps/report/norms.h"
#include "lib/autograd.h"
#include "lib/data/batch_loader.h"
#include "lib/io/file.h"
#include "lib/profile.h"

namespace duel::tensorboard {
namespace {

int64_t step_of(const gan::Trainer& trainer, const gan::Position& position) {
  return position.epoch * full_batches(position.pictures, trainer.config().batch_size) + position.batch;
}

/// The row that `epoch` has in a table, if it has one: its columns and their numbers.
std::vector<std::pair<std::string, double>> row_of(int64_t epoch, const std::filesystem::path& path) {
  std::vector<std::pair<std::string, double>> row;
  if (!std::filesystem::exists(path)) return row;
  const gan::Table table = gan::read_table(path);
  if (table.rows.empty() || table.numbers("epoch").back() != static_cast<double>(epoch)) return row;
  for (const std::string& column : table.columns)
    if (column != "epoch" && column != "step") row.emplace_back(column, table.numbers(column).back());
  return row;
}

}  // namespace

void TensorBoardObserver::begin(gan::Trainer& trainer, const gan::RunFolder& folder,
                                const gan::Position& position) {
  const int64_t done = step_of(trainer, position);
  file_.emplace(folder.path() / gan::run_files::tensorboard, done + 1);
  if (done == 0) picture(0, "data", folder.reals());
}

void TensorBoardObserver::logged(gan::Trainer& trainer, const gan::Metrics& m) {
  const ScopedPhase phase("TensorBoard");
  for (const auto& [tag, value] : std::initializer_list<std::pair<const char*, double>>{
           {"loss/D", m.d_loss},
           {"loss/G", m.g_loss},
           {"probability/D(x)", m.d_real},
           {"probability/D(G(z))", m.d_fake},
           {"speed/images_per_second", m.images_per_second}})
    file_->scalar(m.step, tag, value);
  for (const report::LayerNorms& of : report::layer_norms(trainer)) {
    file_->scalar(m.step, "weight_norm/" + of.layer, of.weight);
    file_->scalar(m.step, "gradient_norm/" + of.layer, of.gradient);
  }
}

void TensorBoardObserver::epoch_done(gan::Trainer& trainer, const gan::RunFolder& folder,
                                     const gan::Position& position) {
  const ScopedPhase phase("TensorBoard");
  const int64_t step = step_of(trainer, position);
  picture(step, "samples", folder.samples(position.epoch));
  for (auto [network, prefix] :
       {std::pair<nn::Module*, const char*>{&trainer.generator(), "G"}, {&trainer.discriminator(), "D"}}) {
    for (const nn::NamedTensor& parameter : network->parameters(prefix)) {
      file_->histogram(step, "weight/" + parameter.name, parameter.tensor->to_vector<float>());
      if (parameter.tensor->grad().defined())
        file_->histogram(step, "gradient/" + parameter.name, parameter.tensor->grad().to_vector<float>());
    }
  }
  for (const char* group : {"vitals", "quality"}) scalars(position.epoch, step, group, folder.path());
}

void TensorBoardObserver::scalars(int64_t epoch, int64_t step, const std::string& group,
                                  const std::filesystem::path& folder) {
  std::vector<std::pair<std::string, double>> row;
  try {
    row = row_of(epoch, folder / (group + ".csv"));
  } catch (const Error& error) {
    if (complaints_.insert(error.what()).second)
      std::cerr << "not for TensorBoard: " << error.what() << std::endl;
  }
  for (const auto& [column, value] : row) file_->scalar(step, group + "/" + column, value);
}

void TensorBoardObserver::picture(int64_t step, const char* tag, const std::filesystem::path& path) {
  const std::vector<uint8_t> png = read_file(path);
  file_->picture(step, tag, decode_image(png), png);
}

}  // namespace duel::tensorboard
