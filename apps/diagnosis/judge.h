// From figures to words.
#pragma once

#include <string>
#include <vector>

#include "apps/diagnosis/vitals.h"

namespace duel::diagnosis {

enum class Cause { DHasWon, Collapse, Divergence, NotANumber, Oscillation, Checkerboard, Memorisation };

/// What findings advise in many cases. A resumed run keeps its rates, so that it takes another run.
inline constexpr const char* kLowerRates = "lower rates (--lr, or --lr-g and --lr-d)";

/// "D has won", ...
const char* name_of(Cause cause);
/// Whether going back and training on more slowly can help.
bool lower_rate_may_mend(Cause cause);

struct Finding {
  Cause cause;
  std::string text;  ///< one line: what, the figures, what to try
};

/// What is wrong at the last look of `history`. A symptom becomes a finding when three looks in a row (of a
/// checkerboard: six) have shown it and the run is 300 steps old: what young runs show (samples all alike, a
/// D that is sure of itself, the grain of the first transposed convolutions) passes by itself. Only figures
/// that are no finite numbers are a finding at once.
std::vector<Finding> judge(const std::vector<Vitals>& history);
/// Why a loss is no longer a finite number, going by the lines of metrics.csv before it.
Finding judge_end(const std::vector<gan::Metrics>& lines);
/// Whether the last look shows no symptom at all and its figures are finite numbers, so that a later failure
/// may be gone back from to here.
bool is_healthy(const std::vector<Vitals>& history);

}  // namespace duel::diagnosis
