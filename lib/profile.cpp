#include "lib/profile.h"

#include <algorithm>
#include <chrono>
#include <string_view>

#include "lib/error.h"

namespace duel {
namespace {

thread_local Profile* active_profile = nullptr;

constexpr const char* no_phase = "other";

/// The total of `phase`, appended where there is none.
Profile::PhaseTotal& total_of(std::vector<Profile::PhaseTotal>& totals, const char* phase) {
  const std::string_view name = phase ? phase : no_phase;
  for (Profile::PhaseTotal& total : totals) {
    if (total.name == name) return total;
  }
  totals.emplace_back().name = name;
  return totals.back();
}

}  // namespace

Profile::Profile(Clock clock) : clock_(std::move(clock)), start_(clock_()), phase_start_(start_) {
  check(active_profile == nullptr, "[profile] this thread is being profiled already");
  active_profile = this;
}

Profile::~Profile() { active_profile = nullptr; }

Profile* Profile::active() { return active_profile; }

double Profile::steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Profile::enter(const char* phase) {
  if (phase == phase_) return;
  const double moment = now();
  total_of(phases_, phase_).seconds += moment - phase_start_;
  if (phase_ && phase_events_.size() < max_events) phase_events_.push_back({phase_start_, moment, phase_});
  phase_ = phase;
  phase_start_ = moment;
}

void Profile::record(const Call& call) {
  const double seconds = call.end - call.start;
  PhaseTotal& phase = total_of(phases_, phase_);
  phase.kernel_seconds += seconds;
  ++phase.calls;
  phase.peak_memory = std::max(phase.peak_memory, call.memory_in_use);

  const auto entry = kernels_.try_emplace(concat(call.kernel, ' ', call.detail)).first;
  KernelTotal& kernel = entry->second;
  if (kernel.calls == 0) {
    kernel.kernel = call.kernel;
    kernel.detail = call.detail;
  }
  kernel.seconds += seconds;
  kernel.flops += call.flops;
  kernel.bytes += call.bytes;
  ++kernel.calls;
  if (kernel_events_.size() < max_events)
    kernel_events_.push_back({call.start, call.end, &*entry, phase_, call.memory_in_use});
}

std::vector<Profile::PhaseTotal> Profile::phases() const {
  std::vector<PhaseTotal> totals = phases_;
  total_of(totals, phase_).seconds += now() - phase_start_;
  std::stable_partition(totals.begin(), totals.end(),
                        [](const PhaseTotal& total) { return total.name != no_phase; });
  return totals;
}

std::vector<Profile::KernelTotal> Profile::kernels() const {
  std::vector<KernelTotal> totals;
  totals.reserve(kernels_.size());
  for (const auto& [key, total] : kernels_) totals.push_back(total);
  std::stable_sort(totals.begin(), totals.end(),
                   [](const KernelTotal& a, const KernelTotal& b) { return a.seconds > b.seconds; });
  return totals;
}

const char* current_phase() { return active_profile ? active_profile->phase() : nullptr; }

ScopedPhase::ScopedPhase(const char* phase) : around_(current_phase()) { change(phase); }

ScopedPhase::~ScopedPhase() { change(around_); }

void ScopedPhase::change(const char* phase) {
  if (active_profile) active_profile->enter(phase);
}

}  // namespace duel
