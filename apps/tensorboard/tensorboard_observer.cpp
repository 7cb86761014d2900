#include "apps/tensorboard/tensorboard_observer.h"

#include <utility>

#include "apps/report/csv.h"
#include "apps/report/norms.h"
#include "lib/autograd.h"
#include "lib/io/file.h"
#include "lib/profile.h"

namespace duel::tensorboard {
namespace {

int64_t step_of(const gan::Trainer& trainer, const gan::Position& position) {
  return position.epoch * (position.pictures / trainer.config().batch_size) + position.batch;
}

/// The row that `epoch` has in a table, if it has one, as scalars "GROUP/COLUMN".
void write_row(EventFile& file, int64_t epoch, int64_t step, const char* group,
               const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return;
  const report::Table table = report::read_table(path);
  if (table.rows.empty() || table.numbers("epoch").back() != static_cast<double>(epoch)) return;
  for (const std::string& column : table.columns) {
    if (column == "epoch" || column == "step") continue;
    file.scalar(step, concat(group, "/", column), table.numbers(column).back());
  }
}

}  // namespace

void TensorBoardObserver::begin(gan::Trainer& trainer, const gan::RunFolder& folder,
                                const gan::Position& position) {
  const int64_t done = step_of(trainer, position);
  file_.emplace(folder.path() / "tensorboard", done + 1);
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
  write_row(*file_, position.epoch, step, "vitals", folder.path() / "vitals.csv");
  write_row(*file_, position.epoch, step, "quality", folder.path() / "quality.csv");
}

void TensorBoardObserver::picture(int64_t step, const char* tag, const std::filesystem::path& path) {
  const std::vector<uint8_t> png = read_file(path);
  file_->picture(step, tag, decode_image(png), png);
}

}  // namespace duel::tensorboard
