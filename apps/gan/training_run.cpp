#include "apps/gan/training_run.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <iostream>
#include <utility>
#include <vector>

#include "apps/gan/batches.h"
#include "apps/gan/iteration.h"
#include "apps/gan/pictures.h"
#include "apps/gan/progress.h"
#include "lib/profile.h"
#include "lib/quote.h"

namespace duel::gan {
namespace {

[[noreturn]] void fail_diverged(const std::string& what, int64_t epoch, int64_t batch, int64_t step,
                                const RunFolder& folder) {
  const std::string latest = folder.latest().string();
  throw Diverged(
      concat(what, " at epoch ", epoch, ", batch ", batch, " (step ", step, "): training has diverged; ",
             std::filesystem::exists(folder.latest()) ? latest + " is the last good checkpoint"
                                                      : "no checkpoint has been written yet"),
      epoch, step);
}

void check_finite(const char* network, double loss, const Metrics& at, const RunFolder& folder) {
  if (!std::isfinite(loss))
    fail_diverged(concat("the loss of ", network, " is ", loss), at.epoch, at.batch, at.step, folder);
}

/// Throws if the last step broke a network: its loss was taken before that.
void check_networks(Trainer& trainer, const Position& position, int64_t batches_per_epoch,
                    const RunFolder& folder) {
  for (auto [network, name] :
       {std::pair<nn::Module*, const char*>{&trainer.generator(), "G"}, {&trainer.discriminator(), "D"}}) {
    const std::string broken = part_not_finite(*network, name);
    if (broken.empty()) continue;
    const int64_t step = position.epoch * batches_per_epoch + position.batch;
    const bool whole = position.batch == 0;
    fail_diverged(concat(broken, " is no longer finite"), position.epoch + !whole,
                  whole ? batches_per_epoch : position.batch, step, folder);
  }
}

void write_samples(const std::filesystem::path& path, Trainer& trainer) {
  write_png(path, grid(to_images(generate(trainer.generator(), trainer.fixed_z()))));
}

}  // namespace

int64_t total_steps(const Config& config, int64_t batches_per_epoch) {
  return config.steps > 0 ? config.steps : config.epochs * batches_per_epoch;
}

namespace {

/// A run between its first step and its last. The losses of an iteration are read when the next ones are
/// under way already, so that neither host nor device waits for the other: at the latest after `most_unread`
/// iterations, and before anything that looks at the networks or writes them.
class Run {
 public:
  Run(Trainer& trainer, const Dataset& data, const RunFolder& folder, Position position,
      const RunOptions& options)
      : trainer_(trainer),
        config_(trainer.config()),
        folder_(folder),
        options_(options),
        batches_(make_batches(data, config_, trainer.device())),
        iteration_(trainer, options.step_graphs),
        epoch_steps_(batches_->steps_per_epoch()),
        total_(total_steps(config_, epoch_steps_)),
        position_(position),
        step_(position.epoch * epoch_steps_ + position.batch),
        first_step_(step_),
        progress_(total_, epoch_steps_, config_.batch_size, step_) {
    position_.pictures = data.size();
    for (const std::string& line : folder.go_back_to(position_.epoch, step_)) std::cerr << line << std::endl;
    write_png(folder.reals(), grid_of_reals(data));
    batches_->seek(position.epoch, position.batch);
    observe([&](Observer& observer) { observer.begin(trainer, folder, position_); });
  }

  Outcome to_the_end() {
    while (step_ < total_) {
      if (options_.stop && *options_.stop) return stop();
      begin_step();
      const bool epoch_is_done = position_.batch == 0;
      const bool is_kept =
          std::find(config_.keep_at.begin(), config_.keep_at.end(), step_) != config_.keep_at.end();
      read_losses(unread_.back().logged || epoch_is_done || is_kept);
      if (epoch_is_done || is_kept) check_networks(trainer_, position_, epoch_steps_, folder_);
      if (is_kept) keep_step(folder_.step_checkpoint(step_));
      if (epoch_is_done) finish_epoch();
    }
    return finish();
  }

 private:
  static constexpr size_t most_unread = 8;

  struct Unread {
    Metrics at;
    bool logged;
    Iteration::Pending losses;
  };

  void begin_step() {
    try {
      batches_->next(iteration_.pictures());
    } catch (const UnreadablePicture& error) {
      save_as_it_is();
      throw UnreadablePicture(concat(error.what(), "; the run is saved after epoch ", position_.epoch,
                                     ", batch ", position_.batch));
    }
    Metrics m{.epoch = position_.epoch + 1, .batch = position_.batch + 1, .step = ++step_};
    const bool logged =
        position_.batch % config_.log_every == 0 || m.batch == epoch_steps_ || step_ == total_;
    unread_.push_back({m, logged, iteration_.run()});
    if (++position_.batch < epoch_steps_) return;
    ++position_.epoch;
    position_.batch = 0;
  }

  /// All of them, or what has arrived and what is too old.
  void read_losses(bool all) {
    while (!unread_.empty() && (all || unread_.size() > most_unread || unread_.front().losses.arrived())) {
      auto& [m, logged, pending] = unread_.front();
      const Losses losses = pending.wait();
      m.d_loss = losses.d_loss;
      m.g_loss = losses.g_loss;
      m.d_real = losses.d_real;
      m.d_fake = losses.d_fake;
      check_finite("D", m.d_loss, m, folder_);
      check_finite("G", m.g_loss, m, folder_);
      progress_.update(m, logged);
      if (logged) log(m);
      unread_.pop_front();
    }
  }

  /// Calls call(observer) for each, the line of progress out of their way.
  template <class Call>
  void observe(const Call& call) {
    progress_.hide();
    for (Observer* observer : options_.observers) call(*observer);
    progress_.show();
  }

  void log(Metrics& m) {
    m.images_per_second = progress_.images_per_second();
    folder_.append_metrics(m);
    observe([&](Observer& observer) { observer.logged(trainer_, m); });
  }

  /// A grid and a checkpoint of this step.
  void keep_step(const std::filesystem::path& checkpoint) {
    const ScopedPhase phase("files");
    write_samples(folder_.step_samples(step_), trainer_);
    save_checkpoint(checkpoint, trainer_, position_);
  }

  /// What was saved last has the networks of an earlier end, too.
  void drop_older_networks() {
    if (step_ > first_step_) folder_.drop_networks();
  }

  void save_latest() {
    drop_older_networks();
    save_checkpoint(folder_.latest(), trainer_, position_);
  }

  /// All that belongs to the epoch comes before its checkpoint and the latest one: a run that is killed in
  /// between repeats the epoch and writes all of it again, and one that is killed later lacks nothing.
  void finish_epoch() {
    {
      const ScopedPhase phase("files");
      write_samples(folder_.samples(position_.epoch), trainer_);
    }
    observe([&](Observer& observer) { observer.epoch_done(trainer_, folder_, position_); });
    {
      const ScopedPhase phase("files");
      if (options_.keep > 0) save_checkpoint(folder_.epoch_checkpoint(position_.epoch), trainer_, position_);
      folder_.prune_checkpoints(position_.epoch, options_.keep);
      save_latest();
    }
    observe([&](Observer& observer) { observer.epoch_saved(folder_, position_); });
  }

  /// Between two steps.
  void save_as_it_is() {
    read_losses(true);
    check_networks(trainer_, position_, epoch_steps_, folder_);
    save_latest();
  }

  Outcome stop() {
    save_as_it_is();
    progress_.message(concat("stopped after epoch ", position_.epoch, ", batch ", position_.batch, "; ",
                             folder_.latest().string(), " is saved"));
    return Outcome::Stopped;
  }

  Outcome finish() {
    if (position_.batch > 0) {
      check_networks(trainer_, position_, epoch_steps_, folder_);
      drop_older_networks();
      keep_step(folder_.latest());
    } else if (!std::filesystem::exists(folder_.latest())) {
      save_latest();  // of a run without a step, whose folder stands for it like any other
    }
    save_networks(folder_.networks(), trainer_);
    progress_.message(concat("finished ",
                             config_.steps > 0 ? counted(total_, "step") : counted(config_.epochs, "epoch"),
                             "; samples are in ", (folder_.path() / run_files::samples).string(),
                             ", the networks in ", folder_.networks().string()));
    return Outcome::Finished;
  }

  Trainer& trainer_;
  const Config& config_;
  const RunFolder& folder_;
  const RunOptions& options_;
  const std::unique_ptr<Batches> batches_;
  Iteration iteration_;
  const int64_t epoch_steps_, total_;
  Position position_;
  int64_t step_;  // all that were begun
  const int64_t first_step_;
  Progress progress_;
  std::deque<Unread> unread_;
};

}  // namespace

Outcome train(Trainer& trainer, const Dataset& data, const RunFolder& folder, Position position,
              const RunOptions& options) {
  const auto end = [&](Ending how) {
    for (Observer* observer : options.observers) observer->ended(folder, how);
  };
  try {
    const Outcome outcome = Run(trainer, data, folder, position, options).to_the_end();
    end(outcome == Outcome::Finished ? Ending::Finished : Ending::Stopped);
    return outcome;
  } catch (const Diverged& error) {
    for (Observer* observer : options.observers) observer->diverged(folder, error);
    end(Ending::Diverged);
    throw;
  } catch (const Failure&) {
    end(Ending::Failed);
    throw;
  } catch (const UnreadablePicture&) {
    end(Ending::Failed);
    throw;
  }
}

}  // namespace duel::gan
