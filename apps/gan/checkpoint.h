// Checkpoints: all that a run needs to go on as if it had never stopped, as one safetensors file.
//
// Tensors have the names, shapes and order of PyTorch: "G.fc.weight", ..., "D.layer_1.0.weight", ..., then
// the state of both optimisers, "optimizer_G.fc.weight.exp_avg", .... The metadata holds the recipe with the
// run's options ("config", JSON), the place in the run and the counters of the random streams.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "apps/gan/trainer.h"

namespace duel::gan {

/// How far a run has come.
struct Position {
  int64_t epoch = 0;     ///< whole epochs done
  int64_t batch = 0;     ///< batches done of the next one
  int64_t pictures = 0;  ///< in the data set: with another number the order of the data would be another one

  bool operator==(const Position&) const = default;
};

/// Writes networks, optimisers and random counters; atomically, so that an earlier file of that name stays
/// whole until the new one is complete. Throws Error naming the file and the system's reason.
void save_checkpoint(const std::filesystem::path& path, Trainer& trainer, const Position& position);

/// Writes the two networks alone.
void save_networks(const std::filesystem::path& path, Trainer& trainer);

/// The file that `path` means as a checkpoint: itself, or of a run folder its latest one, which is never
/// older than networks.safetensors. Throws Error if there is none.
std::filesystem::path find_checkpoint(const std::filesystem::path& path);

/// The configuration that a checkpoint was written with. Throws Error if the file is no checkpoint.
Config read_config(const std::filesystem::path& path);

/// Puts the trainer, built with the checkpoint's configuration, into the state that was saved. Throws Error
/// naming the tensor that is missing, has another shape, or is a network's and holds what is no finite
/// number; the trainer is then unchanged.
Position load_checkpoint(const std::filesystem::path& path, Trainer& trainer);

/// How far the run had come whose checkpoint this is; nothing if the file is none, is cut short or is damaged
/// where that shows without reading its numbers.
std::optional<Position> position_if_whole(const std::filesystem::path& path);

/// Gives both optimisers the rates of `config`. A checkpoint restores those that it was saved with.
void set_rates(Trainer& trainer, const Config& config);

/// Puts the weights and running statistics of a file (a checkpoint, or a PyTorch state dict under those
/// names) into the networks; a null network is left out. Throws as load_checkpoint() does.
void load_networks(const std::filesystem::path& path, nn::Module* generator, nn::Module* discriminator);

/// 16 hexadecimal digits that follow from the names, shapes and values of a network's weights and running
/// statistics: the same for all checkpoints that hold it, wherever they are.
std::string fingerprint(const nn::Module& network);

/// A generator as a file holds it, in evaluation mode.
struct SavedGenerator {
  std::filesystem::path path;  ///< the checkpoint itself, also where a run folder was named
  /// The checkpoint's; but where its data are, the config.json of the run that it stands in knows better:
  /// they may have been moved since.
  Config config;
  std::unique_ptr<nn::Module> network;
};

/// Reads G from a checkpoint or from a run folder's latest one. Throws Error, as find_checkpoint(),
/// read_config() and load_networks() do.
SavedGenerator load_generator(const std::filesystem::path& checkpoint_or_run, Device device = {});

}  // namespace duel::gan
