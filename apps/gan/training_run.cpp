#include "apps/gan/training_run.h"

#include <algorithm>
#include <cmath>
#include <thread>
#include <utility>
#include <vector>

#include "apps/gan/pictures.h"
#include "apps/gan/progress.h"
#include "lib/data/batch_loader.h"
#include "lib/kernels.h"
#include "lib/profile.h"

namespace duel::gan {
namespace {

/// The next batch on the trainer's device, as numbers in [-1, 1].
Tensor next_batch(BatchLoader& loader, const Config& config, Device device) {
  const ScopedPhase phase("data");
  const Shape shape{config.batch_size, config.image_size, config.image_size, config.channels};
  const Tensor pixels = Tensor::from(loader.next().pixels, shape, device);
  const Tensor pictures = Tensor::empty(shape, DType::Float32, device);
  kernels(device).pixels_to_float(pixels, pictures);
  return pictures;
}

[[noreturn]] void fail_diverged(const std::string& what, int64_t epoch, int64_t batch, int64_t step,
                                const RunFolder& folder) {
  const std::string latest = folder.latest().string();
  throw Diverged(
      concat(what, " at epoch ", epoch, ", batch ", batch, " (step ", step, "): training has diverged; ",
             std::filesystem::exists(folder.latest()) ? latest + " is the last good checkpoint"
                                                      : "no checkpoint has been written yet",
             ", a lower --lr may help"),
      epoch, step);
}

void check_finite(const char* network, double loss, const Metrics& at, const RunFolder& folder) {
  if (!std::isfinite(loss))
    fail_diverged(concat("the loss of ", network, " is ", loss), at.epoch, at.batch, at.step, folder);
}

/// Saves, unless the last step broke a network: its loss was taken before that.
void save_good_checkpoint(const std::filesystem::path& path, Trainer& trainer, const Position& position,
                          int64_t batches_per_epoch, const RunFolder& folder) {
  for (auto [network, name] :
       {std::pair<nn::Module*, const char*>{&trainer.generator(), "G"}, {&trainer.discriminator(), "D"}}) {
    for (const nn::NamedTensor& part : network->state(name)) {
      if (part.tensor->dtype() != DType::Float32) continue;  // the number of batches that batch norm saw
      const std::vector<float> values = part.tensor->to_vector<float>();
      if (std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); })) continue;
      const int64_t step = position.epoch * batches_per_epoch + position.batch;
      const bool whole = position.batch == 0;
      fail_diverged(concat(part.name, " is no longer finite"), position.epoch + !whole,
                    whole ? batches_per_epoch : position.batch, step, folder);
    }
  }
  save_checkpoint(path, trainer, position);
}

Metrics run_batch(Trainer& trainer, const Tensor& real, const Position& position, int64_t batches_per_epoch,
                  const RunFolder& folder) {
  Metrics m;
  m.epoch = position.epoch + 1;
  m.batch = position.batch + 1;
  m.step = position.epoch * batches_per_epoch + m.batch;
  const int64_t count = real.dim(0);
  const DStep d = trainer.d_step(real, trainer.draw_z(count));
  m.d_loss = d.loss.item();
  check_finite("D", m.d_loss, m, folder);
  m.g_loss = trainer.g_step(trainer.draw_z(count)).item();
  check_finite("G", m.g_loss, m, folder);
  m.d_real = d.d_real.item();
  m.d_fake = d.d_fake.item();
  return m;
}

/// The epoch's own checkpoint comes before the latest: a run killed between the two repeats the epoch and
/// writes both.
void finish_epoch(Trainer& trainer, const RunFolder& folder, const Position& position,
                  int64_t batches_per_epoch, int64_t keep) {
  const ScopedPhase phase("files");
  write_png(folder.samples(position.epoch),
            grid(to_images(generate(trainer.generator(), trainer.fixed_z()))));
  if (keep > 0)
    save_good_checkpoint(folder.epoch_checkpoint(position.epoch), trainer, position, batches_per_epoch,
                         folder);
  save_good_checkpoint(folder.latest(), trainer, position, batches_per_epoch, folder);
  folder.prune_checkpoints(position.epoch, keep);
}

/// A grid and a checkpoint anywhere in an epoch.
void finish_step(const std::filesystem::path& checkpoint, Trainer& trainer, const RunFolder& folder,
                 const Position& position, int64_t batches_per_epoch, int64_t step) {
  const ScopedPhase phase("files");
  write_png(folder.step_samples(step), grid(to_images(generate(trainer.generator(), trainer.fixed_z()))));
  save_good_checkpoint(checkpoint, trainer, position, batches_per_epoch, folder);
}

}  // namespace

int64_t total_steps(const Config& config, int64_t batches_per_epoch) {
  return config.steps > 0 ? config.steps : config.epochs * batches_per_epoch;
}

namespace {

Outcome run_epochs(Trainer& trainer, const Dataset& data, const RunFolder& folder, Position position,
                   const RunOptions& options) {
  const Config& config = trainer.config();
  BatchLoader loader(data,
                     {.batch_size = config.batch_size,
                      .shuffle = config.shuffle,
                      .hflip = config.hflip,
                      .seed = config.seed,
                      .threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 16u))});
  const int64_t batches = loader.steps_per_epoch(), total = total_steps(config, batches);
  check(position.pictures == 0 || position.pictures == data.size(), folder.path().string(),
        ": was trained on ", position.pictures, " pictures, the data now has ", data.size(),
        "; it cannot go on exactly with other data");
  position.pictures = data.size();
  int64_t step = position.epoch * batches + position.batch;
  folder.truncate_metrics(step);
  write_png(folder.reals(), grid(first_images(data, 64)));

  Progress progress(total, batches, config.batch_size, step);
  loader.seek(position.epoch, position.batch);
  const auto observe = [&](const auto& call) {
    progress.hide();
    for (Observer* observer : options.observers) call(*observer);
    progress.show();
  };
  observe([&](Observer& observer) { observer.begin(trainer, folder, position); });
  while (step < total) {
    if (options.stop && *options.stop) {
      save_good_checkpoint(folder.latest(), trainer, position, batches, folder);
      progress.message(concat("stopped after epoch ", position.epoch, ", batch ", position.batch, "; ",
                              folder.latest().string(), " is saved"));
      return Outcome::Stopped;
    }
    Metrics m = run_batch(trainer, next_batch(loader, config, trainer.device()), position, batches, folder);
    step = m.step;
    const bool logged = position.batch % config.log_every == 0 || m.batch == batches || step == total;
    progress.update(m, logged);
    if (logged) {
      m.images_per_second = progress.images_per_second();
      folder.append_metrics(m);
      observe([&](Observer& observer) { observer.logged(trainer, m); });
    }
    if (++position.batch == batches) {
      ++position.epoch;
      position.batch = 0;
      finish_epoch(trainer, folder, position, batches, options.keep);
      observe([&](Observer& observer) { observer.epoch_done(trainer, folder, position); });
    }
    const bool is_kept =
        std::find(config.keep_at.begin(), config.keep_at.end(), step) != config.keep_at.end();
    if (is_kept) finish_step(folder.step_checkpoint(step), trainer, folder, position, batches, step);
  }
  if (position.batch > 0) finish_step(folder.latest(), trainer, folder, position, batches, step);
  save_networks(folder.networks(), trainer);
  progress.message(concat("finished ",
                          config.steps > 0 ? concat(total, " steps")
                                           : concat(config.epochs, config.epochs == 1 ? " epoch" : " epochs"),
                          "; samples are in ", (folder.path() / "samples").string(), ", the networks in ",
                          folder.networks().string()));
  return Outcome::Finished;
}

}  // namespace

Outcome train(Trainer& trainer, const Dataset& data, const RunFolder& folder, Position position,
              const RunOptions& options) {
  try {
    return run_epochs(trainer, data, folder, position, options);
  } catch (const Diverged& error) {
    for (Observer* observer : options.observers) observer->diverged(folder, error);
    throw;
  }
}

}  // namespace duel::gan
