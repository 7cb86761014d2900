// Signals that ask a training to end.
#pragma once

#include <csignal>

namespace duel::commands {

/// The signal that has come; 0 before one has.
extern volatile std::sig_atomic_t caught_signal;

/// From here on a training ends well when it is interrupted, told to end, or loses its terminal or whoever
/// read its output: `train | head` has seen enough. One that was started with nohup does not mind the
/// terminal. A second interruption ends the program at once.
void catch_signals();

}  // namespace duel::commands
