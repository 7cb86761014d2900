// The two forms in which a profile is read: the table and the trace.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "lib/error.h"
#include "lib/io/file.h"
#include "lib/profile.h"

namespace duel {
namespace {

template <class... Arguments>
void append(std::string& text, const char* format, Arguments... arguments) {
  char line[512];
  std::snprintf(line, sizeof line, format, arguments...);
  text += line;
}

long long printable(int64_t count) { return count; }

double per_second(double amount, double seconds) { return seconds > 0 ? amount / seconds : 0; }

void append_phases(std::string& text, const std::vector<Profile::PhaseTotal>& phases, double seconds) {
  append(text, "%-16s %9s %6s %11s %9s %8s %8s\n", "phase", "seconds", "share", "in kernels", "between",
         "calls", "peak MB");
  for (const Profile::PhaseTotal& phase : phases) {
    append(text, "%-16s %9.3f %5.1f%% %11.3f %9.3f %8lld %8.1f\n", phase.name.c_str(), phase.seconds,
           100 * per_second(phase.seconds, seconds), phase.kernel_seconds,
           phase.seconds - phase.kernel_seconds, printable(phase.calls),
           1e-6 * static_cast<double>(phase.peak_memory));
  }
}

void append_kernel(std::string& text, const Profile::KernelTotal& kernel, double seconds) {
  append(text, "%9.3f %5.1f%% %8lld %10.1f", kernel.seconds, 100 * per_second(kernel.seconds, seconds),
         printable(kernel.calls), 1e6 * per_second(kernel.seconds, static_cast<double>(kernel.calls)));
  if (kernel.flops > 0) {
    append(text, " %9.1f", 1e-9 * per_second(kernel.flops, kernel.seconds));
  } else {
    append(text, " %9s", "");
  }
  append(text, " %7.1f  %s %s\n", 1e-9 * per_second(kernel.bytes, kernel.seconds), kernel.kernel.c_str(),
         kernel.detail.c_str());
}

/// Begins one event of the trace; `name` and what the caller adds hold nothing that JSON would escape.
void append_event(std::string& text, const char* name, int thread, double start, double end) {
  append(text, ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":%d,\"name\":\"%s\",\"ts\":%.3f,\"dur\":%.3f", thread, name,
         1e6 * start, 1e6 * (end - start));
}

}  // namespace

std::string Profile::table(size_t most) const {
  const double total = seconds();
  std::string text;
  append(text, "Profile of %.3f s\n", total);
  append_phases(text, phases(), total);
  const std::vector<KernelTotal> all = kernels();
  append(text, "\n%9s %6s %8s %10s %9s %7s  %s\n", "seconds", "share", "calls", "us a call", "GFLOP/s",
         "GB/s", "kernel");
  KernelTotal rest;
  for (size_t i = 0; i < all.size(); ++i) {
    if (i < most) {
      append_kernel(text, all[i], total);
      continue;
    }
    rest.seconds += all[i].seconds;
    rest.bytes += all[i].bytes;
    rest.calls += all[i].calls;
  }
  if (all.size() > most) {
    rest.kernel = concat(all.size() - most, " others");
    append_kernel(text, rest, total);
  }
  return text;
}

void Profile::write_trace(const std::filesystem::path& path) const {
  constexpr int phase_thread = 1, kernel_thread = 2;
  constexpr int64_t memory_step = 1'000'000;
  std::string text =
      "{\"traceEvents\":[\n"
      "{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"Duel\"}},\n"
      "{\"ph\":\"M\",\"pid\":1,\"tid\":1,\"name\":\"thread_name\",\"args\":{\"name\":\"phases\"}},\n"
      "{\"ph\":\"M\",\"pid\":1,\"tid\":2,\"name\":\"thread_name\",\"args\":{\"name\":\"kernels\"}}";
  for (const PhaseEvent& event : phase_events_) {
    append_event(text, event.phase, phase_thread, event.start - start_, event.end - start_);
    text += "}";
  }
  int64_t memory_shown = -memory_step;
  for (const KernelEvent& event : kernel_events_) {
    const KernelTotal& kernel = event.kernel->second;
    const double calls = static_cast<double>(kernel.calls), seconds = event.end - event.start;
    append_event(text, kernel.kernel.c_str(), kernel_thread, event.start - start_, event.end - start_);
    append(text, ",\"args\":{\"detail\":\"%s\",\"phase\":\"%s\",\"GFLOP/s\":%.1f,\"GB/s\":%.1f}}",
           kernel.detail.c_str(), event.phase ? event.phase : "",
           1e-9 * per_second(kernel.flops / calls, seconds),
           1e-9 * per_second(kernel.bytes / calls, seconds));
    if (std::abs(event.memory_in_use - memory_shown) < memory_step) continue;
    memory_shown = event.memory_in_use;
    append(text, ",\n{\"ph\":\"C\",\"pid\":1,\"name\":\"memory\",\"ts\":%.3f,\"args\":{\"MB\":%.1f}}",
           1e6 * (event.end - start_), 1e-6 * static_cast<double>(memory_shown));
  }
  text += "\n],\"displayTimeUnit\":\"ms\"}\n";
  write_file_atomically(path, text);
}

}  // namespace duel
