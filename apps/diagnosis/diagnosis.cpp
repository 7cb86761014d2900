#include "apps/diagnosis/diagnosis.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <utility>

#include "apps/gan/run_files.h"
#include "apps/gan/run_table.h"
#include "lib/data/batch_loader.h"
#include "lib/error.h"
#include "lib/profile.h"

namespace duel::diagnosis {
namespace {

namespace fs = std::filesystem;

/// Whether one more epoch has brought the run to `step` past a multiple of 20, so that small sets, whose
/// epochs are short, are not looked at all the time. A resumed run is looked at when a whole one would be.
bool is_time_to_look(int64_t step, int64_t steps_per_epoch) {
  constexpr int64_t interval = 20;
  return step / interval > (step - steps_per_epoch) / interval;
}

int64_t steps_an_epoch(const gan::Config& config, const gan::Position& position) {
  return full_batches(position.pictures, config.batch_size);
}

int64_t step_of(const gan::Config& config, const gan::Position& position) {
  return position.epoch * steps_an_epoch(config, position) + position.batch;
}

void write_vitals(const gan::RunFolder& folder, const Vitals& v) {
  std::vector<std::string> head{"epoch", "step"}, row{std::to_string(v.epoch), std::to_string(v.step)};
  for (const auto& [name, figure] : figures) {
    head.emplace_back(name);
    row.push_back(concat(v.*figure));
  }
  gan::append_row(folder.path() / gan::run_files::vitals, head, row);
}

/// The columns that `fields` names, a row of the table each; and its step.
template <class Row, class Fields>
std::vector<Row> read_rows(const gan::Table& table, const Fields& fields) {
  const std::vector<int64_t> steps = table.counts("step");
  std::vector<Row> rows(steps.size());
  for (size_t i = 0; i < rows.size(); ++i) rows[i].step = steps[i];
  for (const auto& [name, field] : fields) {
    const std::vector<double> values = table.numbers(name);
    for (size_t i = 0; i < rows.size(); ++i) rows[i].*field = values[i];
  }
  return rows;
}

/// The looks that an earlier process has written down. Those of a version with fewer figures are put aside:
/// rows of two kinds make no table.
std::vector<Vitals> read_vitals(const gan::RunFolder& folder) {
  const fs::path file = folder.path() / gan::run_files::vitals;
  if (!fs::exists(file)) return {};
  const gan::Table table = gan::read_table(file);
  for (const auto& [name, figure] : figures) {
    if (table.has(name)) continue;
    std::cerr << gan::put_aside(file, concat("has no column ", name)) << std::endl;
    return {};
  }
  auto history = read_rows<Vitals>(table, figures);
  const std::vector<int64_t> epochs = table.counts("epoch");
  for (size_t i = 0; i < history.size(); ++i) history[i].epoch = epochs[i];
  return history;
}

/// Likewise the lines of metrics.csv.
std::vector<gan::Metrics> read_lines(const gan::RunFolder& folder) {
  const fs::path file = folder.path() / gan::run_files::metrics;
  if (!fs::exists(file)) return {};
  constexpr std::pair<const char*, double gan::Metrics::*> fields[] = {{"d_loss", &gan::Metrics::d_loss},
                                                                       {"g_loss", &gan::Metrics::g_loss},
                                                                       {"d_real", &gan::Metrics::d_real},
                                                                       {"d_fake", &gan::Metrics::d_fake}};
  return read_rows<gan::Metrics>(gan::read_table(file), fields);
}

void write_finding(const gan::RunFolder& folder, int64_t epoch, int64_t step, const std::string& cause,
                   const std::string& text) {
  gan::append_row(folder.path() / gan::run_files::diagnosis, {"epoch", "step", "cause", "text"},
                  {std::to_string(epoch), std::to_string(step), cause, text});
}

/// What the lines of metrics.csv after `step` say.
void summarise(const std::vector<gan::Metrics>& lines, int64_t step, Vitals& vitals) {
  double count = 0;
  for (const gan::Metrics& m : lines) {
    if (m.step <= step) continue;
    ++count;
    vitals.d_loss += m.d_loss, vitals.g_loss += m.g_loss;
    vitals.d_real += m.d_real, vitals.d_fake += m.d_fake;
  }
  for (double* const sum : {&vitals.d_loss, &vitals.g_loss, &vitals.d_real, &vitals.d_fake})
    *sum /= std::max(1.0, count);
  constexpr size_t looked_at = 8;
  if (lines.size() <= looked_at) return;
  for (size_t i = lines.size() - looked_at; i < lines.size(); ++i)
    vitals.swings += (std::abs(lines[i].d_fake - lines[i - 1].d_fake) > 0.5) / double{looked_at};
}

void keep_healthy(const gan::RunFolder& folder) {
  const fs::path unfinished = healthy_checkpoint(folder).string() + ".tmp-copy";
  fs::copy_file(folder.latest(), unfinished, fs::copy_options::overwrite_existing);
  fs::rename(unfinished, healthy_checkpoint(folder));
}

}  // namespace

Diagnosis::Diagnosis(const Dataset& data, OnFailure on_failure, Say say)
    : data_(data), on_failure_(on_failure), say_(std::move(say)) {
  if (!say_) say_ = [](const std::string& line) { std::cout << line << std::endl; };
}

void Diagnosis::begin(gan::Trainer& trainer, const gan::RunFolder& folder, const gan::Position& position) {
  lines_ = read_lines(folder);
  history_ = read_vitals(folder);
  // Also where nobody looked, as the run was begun without a diagnosis.
  const int64_t epoch_steps = steps_an_epoch(trainer.config(), position);
  looked_at_step_ = 0;
  for (int64_t step = epoch_steps; step <= position.epoch * epoch_steps && step > 0; step += epoch_steps)
    if (is_time_to_look(step, epoch_steps)) looked_at_step_ = step;
}

void Diagnosis::logged(gan::Trainer&, const gan::Metrics& metrics) { lines_.push_back(metrics); }

void Diagnosis::epoch_done(gan::Trainer& trainer, const gan::RunFolder& folder,
                           const gan::Position& position) {
  const ScopedPhase phase("diagnosis");
  findings_.clear();
  Vitals vitals{.epoch = position.epoch, .step = step_of(trainer.config(), position)};
  if (!is_time_to_look(vitals.step, vitals.step / vitals.epoch)) return;
  if (!examination_) examination_ = std::make_unique<Examination>(data_, trainer.config().hflip);
  summarise(lines_, looked_at_step_, vitals);
  looked_at_step_ = vitals.step;
  examination_->look(trainer, vitals);
  history_.push_back(vitals);
  write_vitals(folder, vitals);
  findings_ = judge(history_);
  for (const Finding& finding : findings_) note(folder, vitals.epoch, vitals.step, finding);
}

void Diagnosis::epoch_saved(const gan::RunFolder& folder, const gan::Position& position) {
  for (const Finding& finding : findings_)
    if (ends_the_run(finding))
      throw gan::Failure(concat("epoch ", position.epoch, ": ", name_of(finding.cause)));
  const bool looked = !history_.empty() && history_.back().epoch == position.epoch;
  if (on_failure_ == OnFailure::Rollback && looked && is_healthy(history_)) keep_healthy(folder);
}

bool Diagnosis::ends_the_run(const Finding& finding) const {
  return on_failure_ == OnFailure::Stop ||
         (on_failure_ == OnFailure::Rollback && lower_rate_may_mend(finding.cause));
}

void Diagnosis::diverged(const gan::RunFolder& folder, const gan::Diverged& error) {
  note(folder, error.epoch, error.step, judge_end(lines_));
}

void Diagnosis::note(const gan::RunFolder& folder, int64_t epoch, int64_t step,
                     const Finding& finding) const {
  write_finding(folder, epoch, step, name_of(finding.cause), finding.text);
  say_(concat("epoch ", epoch, ": ", finding.text));
}

fs::path healthy_checkpoint(const gan::RunFolder& folder) {
  return folder.path() / gan::run_files::checkpoints / gan::run_files::healthy;
}

gan::Position roll_back(gan::Trainer& trainer, const gan::RunFolder& folder, const std::string& why) {
  const fs::path healthy = healthy_checkpoint(folder);
  check(fs::exists(healthy), why, "; there is no healthy checkpoint yet to go back to: begin another run ",
        "with ", kLowerRates, ", or resume this one with --on-failure warn");
  gan::Config config = folder.config();
  config.optimizer_g.lr /= 2;
  config.optimizer_d.lr /= 2;
  folder.write_config(config, folder.options());
  const gan::Position position = gan::load_checkpoint(healthy, trainer);
  // The checkpoint has the rates of its time, those before an earlier rollback perhaps.
  gan::set_rates(trainer, config);
  gan::save_checkpoint(folder.latest(), trainer, position);
  write_finding(folder, position.epoch, step_of(trainer.config(), position), "rollback",
                concat(why, "; back to epoch ", position.epoch, " with half the rates"));
  return position;
}

}  // namespace duel::diagnosis
