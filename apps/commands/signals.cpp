#include "apps/commands/signals.h"

namespace duel::commands {

volatile std::sig_atomic_t caught_signal = 0;

namespace {

// The first signal asks the run to stop; a second one, as the handler is gone by then, ends the program at
// once. But a closed terminal is often told twice, by the shell and by the system, and an output that nobody
// reads with every line.
extern "C" void remember_signal(int number) {
  caught_signal = number;
  std::signal(number, number == SIGHUP || number == SIGPIPE ? SIG_IGN : SIG_DFL);
}

}  // namespace

void catch_signals() {
  std::signal(SIGINT, remember_signal);
  std::signal(SIGTERM, remember_signal);
  if (std::signal(SIGHUP, remember_signal) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGPIPE, remember_signal);
}

}  // namespace duel::commands
