#include "apps/diagnosis/judge.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace duel::diagnosis {
namespace {

constexpr size_t lasting = 3;          // looks that a symptom lasts before it is a finding
constexpr int64_t settled_step = 300;  // what comes earlier may be a run's youth
constexpr double high_loss = 10;       // D and G cost about 1 each in a run that goes well

/// printf into a string.
template <class... Values>
std::string text(const char* format, const Values&... values) {
  char line[512];
  std::snprintf(line, sizeof line, format, values...);
  return line;
}

struct Rule {
  Cause cause;
  bool (*shows)(const Vitals& now, const std::vector<Vitals>& before);
  std::string (*explain)(const Vitals& now);
};

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

double median_loss(const std::vector<Vitals>& history, double Vitals::*loss) {
  std::vector<double> values;
  for (const Vitals& vitals : history) values.push_back(vitals.*loss);
  return median(values);
}

// D is sure of every picture. A young or a healthy run comes near that, with D(G(z)) around 0.02.
bool d_has_won(const Vitals& now, const std::vector<Vitals>&) {
  return now.d_real > 0.99 && now.d_fake < 0.005;
}

std::string explain_d_has_won(const Vitals& now) {
  return text(
      "D has won: it gives real pictures %.4f and fakes %.4f, its loss is %.4f; the gradient that reaches G "
      "has the norm %.3g and no longer says which way is better. Try a lower rate for D, a narrower D "
      "(--d-dim), or more data",
      now.d_real, now.d_fake, now.d_loss, now.g_gradient);
}

bool collapsed(const Vitals& now, const std::vector<Vitals>&) {
  return now.pixel_diversity < 0.1 && now.feature_diversity < 0.1;
}

std::string explain_collapse(const Vitals& now) {
  return text(
      "G has collapsed: its samples differ from each other by %.0f %% of what real pictures do in pixels, "
      "and by %.0f %% in D's last features. Go back to an earlier checkpoint, with a lower --lr, or give D "
      "more "
      "say (--d-dim)",
      100 * now.pixel_diversity, 100 * now.feature_diversity);
}

// Far above what the run itself has had.
bool diverging(const Vitals& now, const std::vector<Vitals>& before) {
  const auto high = [&](double Vitals::*loss) {
    return now.*loss > high_loss && now.*loss > 3 * median_loss(before, loss);
  };
  return high(&Vitals::d_loss) || high(&Vitals::g_loss);
}

std::string explain_divergence(const Vitals& now) {
  return text(
      "the losses are diverging: D %.3g, G %.3g, far above what this run has had. Go back to an earlier "
      "checkpoint with a lower --lr",
      now.d_loss, now.g_loss);
}

bool oscillating(const Vitals& now, const std::vector<Vitals>&) { return now.swings >= 0.5; }

std::string explain_oscillation(const Vitals& now) {
  return text(
      "D and G take turns at winning instead of learning: from one line of metrics.csv to the next D(G(z)) "
      "swings by more than 0.5 in %.0f %% of the cases. Try a lower --lr, a lower first --betas (0.5), or "
      "larger batches",
      100 * now.swings);
}

bool checkered(const Vitals& now, const std::vector<Vitals>&) {
  return now.checkerboard > 20 && now.checkerboard_share > 0.025;
}

std::string explain_checkerboard(const Vitals& now) {
  return text(
      "a checkerboard lies over the samples: at a period of two pixels, the stride's, their spectrum peaks "
      "%.0f times as high as that of real pictures (%.2f %% of all variance). It fades as G learns; where it "
      "stays, see that the stride divides the kernels of G and D (4 for 2), and that G has batch norm",
      now.checkerboard, 100 * now.checkerboard_share);
}

bool memorised(const Vitals& now, const std::vector<Vitals>&) { return now.copies > 0.1; }

std::string explain_memorisation(const Vitals& now) {
  return text(
      "G repeats training pictures: %.0f %% of its samples are much nearer to one of them than to the next "
      "ones. Train on more pictures (--hflip doubles them), or for fewer epochs",
      100 * now.copies);
}

constexpr std::array<Rule, 6> rules{{{Cause::DHasWon, d_has_won, explain_d_has_won},
                                     {Cause::Collapse, collapsed, explain_collapse},
                                     {Cause::Divergence, diverging, explain_divergence},
                                     {Cause::Oscillation, oscillating, explain_oscillation},
                                     {Cause::Checkerboard, checkered, explain_checkerboard},
                                     {Cause::Memorisation, memorised, explain_memorisation}}};

/// Whether the look at `index` shows it.
bool shows(const Rule& rule, const std::vector<Vitals>& history, size_t index) {
  return rule.shows(history[index], {history.begin(), history.begin() + static_cast<long>(index)});
}

}  // namespace

const char* name_of(Cause cause) {
  switch (cause) {
    case Cause::DHasWon:
      return "D has won";
    case Cause::Collapse:
      return "G has collapsed";
    case Cause::Divergence:
      return "losses diverging";
    case Cause::NotANumber:
      return "loss not a number";
    case Cause::Oscillation:
      return "oscillation";
    case Cause::Checkerboard:
      return "checkerboard";
    case Cause::Memorisation:
      return "memorisation";
  }
  return "";
}

bool lower_rate_may_mend(Cause cause) { return cause != Cause::Checkerboard && cause != Cause::Memorisation; }

std::vector<Finding> judge(const std::vector<Vitals>& history) {
  std::vector<Finding> findings;
  if (history.size() < lasting || history.back().step < settled_step) return findings;
  for (const Rule& rule : rules) {
    bool lasts = true;
    for (size_t i = history.size() - lasting; i < history.size(); ++i)
      lasts = lasts && shows(rule, history, i);
    if (lasts) findings.push_back({rule.cause, rule.explain(history.back())});
  }
  return findings;
}

Finding judge_end(const std::vector<gan::Metrics>& lines) {
  if (lines.empty() || std::max(lines.back().d_loss, lines.back().g_loss) > high_loss) {
    return {Cause::Divergence, concat("the losses have diverged beyond what a number can hold",
                                      lines.empty() ? ""
                                                    : text("; at step %lld they were D %.3g, G %.3g",
                                                           static_cast<long long>(lines.back().step),
                                                           lines.back().d_loss, lines.back().g_loss),
                                      ". Begin with a lower --lr")};
  }
  const gan::Metrics& last = lines.back();
  return {
      Cause::NotANumber,
      text("a loss is not a number, although at step %lld the losses were still D %.3g, G %.3g, with D(x) "
           "%.4f and D(G(z)) %.4f. Where a loss takes the logarithm of a sigmoid, a D that is sure of "
           "one picture makes it log 0: compute it from the logits. Otherwise try a lower --lr",
           static_cast<long long>(last.step), last.d_loss, last.g_loss, last.d_real, last.d_fake)};
}

bool is_healthy(const std::vector<Vitals>& history) {
  return std::none_of(rules.begin(), rules.end(),
                      [&](const Rule& rule) { return shows(rule, history, history.size() - 1); });
}

}  // namespace duel::diagnosis
