// What a run tells the person who waits for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "apps/gan/run_folder.h"

namespace duel::gan {

/// One line a report: on a terminal it is rewritten in place, several times a second; elsewhere a plain line
/// is printed for each line of metrics.csv.
class Progress {
 public:
  /// `total` and `done` count batches of the whole run.
  Progress(int64_t total, int64_t batches_per_epoch, int64_t batch_size, int64_t done);
  /// Ends the line, for whoever prints next.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// After each batch; `logged` says that the numbers also went to metrics.csv.
  void update(const Metrics& metrics, bool logged);
  /// Takes the line off the terminal, so that others may print, and puts it back.
  void hide() const;
  void show() const;
  /// Prints a line of its own, whatever the progress line shows.
  void message(const std::string& text);
  /// Images a second since the last call of this, or since the start.
  double images_per_second();

 private:
  using Clock = std::chrono::steady_clock;
  std::string line(const Metrics& metrics, bool narrow) const;

  int64_t total_, batches_per_epoch_, batch_size_, done_at_start_, done_, done_at_mark_;
  bool terminal_;
  std::string shown_;  // the line on the terminal
  Clock::time_point start_, mark_, drawn_;
};

/// "45 s", "6:12", "1:02:45".
std::string duration(double seconds);

}  // namespace duel::gan
