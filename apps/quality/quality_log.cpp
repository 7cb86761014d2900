#include "apps/quality/quality_log.h"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <utility>

#include "apps/gan/run_files.h"
#include "apps/gan/run_table.h"
#include "apps/gan/trainer.h"
#include "apps/quality/samples.h"
#include "lib/data/batch_loader.h"
#include "lib/profile.h"

namespace duel::quality {
namespace {

std::string short_text(const Estimate& estimate) {
  char text[64];
  // An interval may end early on the side where the number does.
  const double margin = std::max(estimate.high - estimate.value, estimate.value - estimate.low);
  std::snprintf(text, sizeof text, "%.3g (+- %.1g)", estimate.value, margin);
  return text;
}

}  // namespace

QualityLog::QualityLog(const Dataset& data, int64_t every, const EvaluationOptions& options)
    : data_(data), every_(every), options_(options) {
  check_enough(data, options);
}

void QualityLog::begin(gan::Trainer& trainer, const gan::RunFolder&, const gan::Position&) {
  options_.hflip = trainer.config().hflip;
  if (!evaluator_) evaluator_ = std::make_unique<Evaluator>(data_, options_);
}

void QualityLog::epoch_done(gan::Trainer& trainer, const gan::RunFolder& folder,
                            const gan::Position& position) {
  if (position.epoch % every_ != 0) return;
  const ScopedPhase phase("quality");
  const Evaluation evaluation = evaluator_->evaluate(draw_samples(
      trainer.generator(), trainer.config(), evaluator_->count(), options_.seed, trainer.device()));
  const int64_t batches = full_batches(data_.size(), trainer.config().batch_size);
  std::vector<std::string> head{"epoch", "step"};
  std::vector<std::string> row{std::to_string(position.epoch), std::to_string(position.epoch * batches)};
  std::string line = concat("quality after epoch ", position.epoch, ":");
  for (const Score& score : evaluation.scores) {
    for (const auto& [ending, value] :
         std::initializer_list<std::pair<const char*, double>>{{"", score.samples.value},
                                                               {"_low", score.samples.low},
                                                               {"_high", score.samples.high},
                                                               {"_reals", score.reals.value},
                                                               {"_noise", score.noise.value}}) {
      head.push_back(score.name + ending);
      row.push_back(concat(value));
    }
    if (!score.name.starts_with("swd_")) line += concat(" ", score.name, " ", short_text(score.samples));
  }
  gan::append_row(folder.path() / gan::run_files::quality, head, row);
  std::cout << line << std::endl;
}

}  // namespace duel::quality
