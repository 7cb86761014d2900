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

  /// After each batch; `logged` says that the numbers also went to metrics.csv.
  void update(const Metrics& metrics, bool logged);
  /// Prints a line of its own, whatever the progress line shows.
  void message(const std::string& text);
  /// Images a second since the last call of this, or since the start.
  double images_per_second();

 private:
  using Clock = std::chrono::steady_clock;
  std::string line(const Metrics& metrics) const;

  int64_t total_, batches_per_epoch_, batch_size_, done_at_start_, done_, done_at_mark_;
  bool terminal_;
  size_t shown_ = 0;  // characters of the line on the terminal
  Clock::time_point start_, mark_, drawn_;
};

/// "45 s", "6:12", "1:02:45".
std::string duration(double seconds);

}  // namespace duel::gan
