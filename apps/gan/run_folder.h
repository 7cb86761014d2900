// The folder of a training run (run_files.h has the names):
//     config.json   metrics.csv   reals.png   samples/epoch-0001.png ...
//     checkpoints/latest.safetensors   checkpoints/epoch-0001.safetensors ...   networks.safetensors
// what observers write: norms.csv   vitals.csv   diagnosis.csv   quality.csv   about.json   report.html ...
// and for steps that are kept: samples/step-000200.png   checkpoints/step-000200.safetensors
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "apps/gan/checkpoint.h"
#include "apps/gan/run_files.h"
#include "lib/io/file_descriptor.h"

namespace duel::gan {

/// One line of metrics.csv.
struct Metrics {
  int64_t epoch = 0, batch = 0,
          step = 0;  ///< the first two from 1; step counts all batches of the run, from 1
  double d_loss = 0, g_loss = 0, d_real = 0, d_fake = 0;
  double images_per_second = 0;  ///< since the line before
};

/// Keeps other processes from a folder: for as long as this or a copy of it lives, no other one of that
/// folder can be made.
class FolderLock {
 public:
  /// Throws Error naming the folder if another process holds it, and `what_to_do` beside waiting.
  FolderLock(const std::filesystem::path& folder, const char* what_to_do);

 private:
  std::shared_ptr<const FileDescriptor> folder_;
};

/// The folder of the run that a file stands in, itself or among its checkpoints; empty where there is none.
std::filesystem::path run_around(const std::filesystem::path& file);
/// Whether a run lies around this file that could not go on, or be reported, without it.
bool is_part_of_run(const std::filesystem::path& file);

/// A run's folder, locked: two processes that trained in one would write over each other.
class RunFolder {
 public:
  /// Makes the folder `path`, or "runs/<recipe>-<n>" with the first free n where `path` is empty, and writes
  /// config.json with `options` in it: what the run was started with that is no part of its configuration.
  /// Throws Error if it cannot be written, holds a run or anything else, or another process is beginning a
  /// run in it.
  static RunFolder create(const std::filesystem::path& path, const Config& config,
                          const Json& options = Json::object());
  /// Throws Error where create() would, as far as can be told without making anything: to be asked before
  /// the data are read, which may take long.
  static void check_creatable(const std::filesystem::path& path);
  /// Opens a folder that create() made, and tidies up what a killed run has left in it; throws Error if it
  /// holds no run, one that cannot be written, or one that another process trains.
  static RunFolder open(const std::filesystem::path& path);

  /// The configuration in config.json.
  Config config() const;
  /// The options there; none in folders from before they were kept.
  Json options() const;
  /// Replaces config.json.
  void write_config(const Config& config, const Json& options) const;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path latest() const { return path_ / run_files::checkpoints / run_files::latest; }
  std::filesystem::path epoch_checkpoint(int64_t epoch) const;
  std::filesystem::path step_checkpoint(int64_t step) const;
  /// G and D as the run ended. Never older than latest(): a run that goes on has none until it ends again.
  std::filesystem::path networks() const { return path_ / run_files::networks; }
  std::filesystem::path reals() const { return path_ / run_files::reals; }
  std::filesystem::path samples(int64_t epoch) const;
  std::filesystem::path step_samples(int64_t step) const;

  /// Where a run goes on: latest(), or where that is gone furthest_checkpoint(). Empty where there is neither
  /// in a run that has not done two epochs, which begins anew; throws Error if it has done them.
  std::filesystem::path place_to_go_on() const;
  /// Of the epochs' and the kept steps' checkpoints, and that of the last healthy epoch, the one that is
  /// whole and furthest along, or nothing.
  std::filesystem::path furthest_checkpoint() const;

  /// Appends a line; the first call writes the head.
  void append_metrics(const Metrics& metrics) const;
  /// Makes the folder that of a run which goes on after `epoch` and `step`: drops the rows of later steps
  /// from all tables, whoever writes them (see cut_table()), and removes the pictures and checkpoints of
  /// later epochs and steps, and no other file there: what a run goes on from is never of a course that it
  /// has left. What was dropped is written again. Returns a line for each table that was damaged.
  std::vector<std::string> go_back_to(int64_t epoch, int64_t step) const;
  /// Removes networks(), if they are there: to be called before latest() goes beyond them.
  void drop_networks() const;
  /// Removes the epochs' checkpoints but the last `keep`, counted back from `epoch`.
  void prune_checkpoints(int64_t epoch, int64_t keep) const;

 private:
  RunFolder(std::filesystem::path path, const char* what_to_do)
      : path_(std::move(path)), lock_(path_, what_to_do) {}
  std::filesystem::path path_;
  FolderLock lock_;
};

}  // namespace duel::gan
