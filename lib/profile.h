// Where the time of a run goes: by phase of the training step and by kernel, as a table and as a trace.
//
// While a Profile lives, the kernels that its thread calls are timed (see ops/profiled_kernels.h), and each
// belongs to the phase that the code around it has named. Without one, naming a phase costs a comparison.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace duel {

class Profile {
 public:
  /// Seconds since any fixed moment.
  using Clock = std::function<double()>;

  /// What one call of a kernel did.
  struct Call {
    const char* kernel;         ///< its name in lib/kernels.h
    std::string detail;         ///< shapes, and what else tells it from other calls of that kernel
    double start = 0, end = 0;  ///< by now()
    double flops = 0;           ///< additions and multiplications; 0 where moving memory is the work
    double bytes = 0;           ///< of its tensors, each counted once
    int64_t memory_in_use = 0;  ///< bytes that the backend's allocator had handed out
  };

  struct PhaseTotal {
    std::string name;
    double seconds = 0;         ///< in this phase and in no phase named inside it
    double kernel_seconds = 0;  ///< of these, in kernels; the rest is the graph's and the program's own
    int64_t calls = 0;          ///< of kernels
    int64_t peak_memory = 0;    ///< largest memory_in_use, bytes
  };

  struct KernelTotal {
    std::string kernel, detail;
    double seconds = 0, flops = 0, bytes = 0;
    int64_t calls = 0;
  };

  /// Records what this thread does from now on. Throws Error if another one does already.
  explicit Profile(Clock clock = steady_seconds);
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// The one that records this thread, or null.
  static Profile* active();
  /// Seconds of the steady clock.
  static double steady_seconds();

  double now() const { return clock_(); }
  void record(const Call& call);
  /// Ends the current phase and begins `phase`, a string that lives on (a literal); null is no phase.
  void enter(const char* phase);
  const char* phase() const { return phase_; }

  /// Seconds since it began.
  double seconds() const { return now() - start_; }
  /// In the order of their first appearance; the time in none is the last, named "other". They add up to
  /// seconds().
  std::vector<PhaseTotal> phases() const;
  /// One line a kernel and detail, the longest total first.
  std::vector<KernelTotal> kernels() const;

  /// Both for people; of the kernels the `most` that took longest.
  std::string table(size_t most = 30) const;
  /// A file in the Chrome trace format, for chrome://tracing or Perfetto: phases, kernels with shapes and
  /// rates, memory over time. Holds the beginning of a long run: the first max_events events. Throws Error
  /// if it cannot be written.
  void write_trace(const std::filesystem::path& path) const;

  static constexpr size_t max_events = 200'000;

 private:
  struct KernelEvent {
    double start, end;
    const std::pair<const std::string, KernelTotal>* kernel;
    const char* phase;
    int64_t memory_in_use;
  };
  struct PhaseEvent {
    double start, end;
    const char* phase;
  };

  Clock clock_;
  double start_, phase_start_;
  const char* phase_ = nullptr;
  std::vector<PhaseTotal> phases_;
  std::map<std::string, KernelTotal> kernels_;  // by kernel and detail; entries stay where they are
  std::vector<KernelEvent> kernel_events_;
  std::vector<PhaseEvent> phase_events_;
};

/// The phase that this thread's profile is in; null without one.
const char* current_phase();

/// Names the phase of what is done while it lives; afterwards the phase around it goes on. An operation's
/// backward belongs to the phase of its forward (see backward() in lib/autograd.h).
class ScopedPhase {
 public:
  /// `phase` is a string that lives on (a literal); null is no phase.
  explicit ScopedPhase(const char* phase);
  ~ScopedPhase();
  ScopedPhase(const ScopedPhase&) = delete;
  ScopedPhase& operator=(const ScopedPhase&) = delete;

  /// From here on it is another phase.
  void change(const char* phase);

 private:
  const char* around_;
};

}  // namespace duel
