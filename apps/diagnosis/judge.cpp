#include "apps/diagnosis/judge.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "apps/quality/median.h"

namespace duel::diagnosis {
namespace {

constexpr int64_t settled_step = 300;  // what comes earlier may be a run's youth
constexpr double high_loss = 10;       // D and G cost about 1 each in a run that goes well
constexpr double vanished = 0.01;      // of a gradient: what is left of it

/// printf into a string.
template <class... Values>
std::string text(const char* format, const Values&... values) {
  char line[512];
  std::snprintf(line, sizeof line, format, values...);
  return line;
}

struct Rule {
  Cause cause;
  size_t lasting;  // looks that the symptom lasts before it is a finding
  bool (*shows)(const Vitals& now, const std::vector<Vitals>& before);
  std::string (*explain)(const Vitals& now, const std::vector<Vitals>& before);
};

/// 0 where nothing is known.
double median_of(const std::vector<Vitals>& history, double Vitals::*figure) {
  std::vector<double> values;
  for (const Vitals& vitals : history)
    if (std::isfinite(vitals.*figure)) values.push_back(vitals.*figure);
  return values.empty() ? 0 : quality::median(values);
}

/// How much of the gradient that reached G in this run before still does; 1 where nothing is known.
double gradient_left(const Vitals& now, const std::vector<Vitals>& before) {
  const double usual = median_of(before, &Vitals::g_gradient);
  return usual > 0 ? now.g_gradient / usual : 1;
}

// D is sure of every picture; a young or a healthy run comes near that, with D(G(z)) around 0.02. Or it is
// sure enough, and hardly any gradient reaches G.
bool d_has_won(const Vitals& now, const std::vector<Vitals>& before) {
  const bool saturated = now.d_real > 0.99 && now.d_fake < 0.005;
  const bool vanishing = now.d_real > 0.9 && now.d_fake < 0.1 && gradient_left(now, before) < vanished;
  return saturated || vanishing;
}

std::string explain_d_has_won(const Vitals& now, const std::vector<Vitals>& before) {
  const double left = gradient_left(now, before);
  return text(
      "D has won: it gives real pictures %.4f and fakes %.4f, its loss is %.4f; the gradient that reaches G "
      "has the norm %.3g, %.2g times what it used to be in this run, and %s. Try a lower rate for D, a "
      "narrower D (--d-dim), or more data",
      now.d_real, now.d_fake, now.d_loss, now.g_gradient, left,
      left < vanished ? "has all but vanished" : "no longer says which way is better");
}

bool collapsed(const Vitals& now, const std::vector<Vitals>&) {
  return now.pixel_diversity < 0.1 && now.feature_diversity < 0.1;
}

std::string explain_collapse(const Vitals& now, const std::vector<Vitals>&) {
  return text(
      "G has collapsed: its samples differ from each other by %.0f %% of what real pictures do in pixels, "
      "and by %.0f %% in D's last features. Begin another run from an earlier checkpoint (--init) with %s, "
      "or one whose D has more say (--d-dim)",
      100 * now.pixel_diversity, 100 * now.feature_diversity, kLowerRates);
}

// Far above what the run itself has had.
bool diverging(const Vitals& now, const std::vector<Vitals>& before) {
  const auto high = [&](double Vitals::*loss) {
    return now.*loss > high_loss && now.*loss > 3 * median_of(before, loss);
  };
  return high(&Vitals::d_loss) || high(&Vitals::g_loss);
}

std::string explain_divergence(const Vitals& now, const std::vector<Vitals>&) {
  return text(
      "the losses are diverging: D %.3g, G %.3g, far above what this run has had. Begin another run from "
      "an earlier checkpoint (--init) with %s",
      now.d_loss, now.g_loss, kLowerRates);
}

bool oscillating(const Vitals& now, const std::vector<Vitals>&) { return now.swings >= 0.5; }

std::string explain_oscillation(const Vitals& now, const std::vector<Vitals>&) {
  return text(
      "D and G take turns at winning instead of learning: from one line of metrics.csv to the next D(G(z)) "
      "swings by more than 0.5 in %.0f %% of the cases. Try another run with %s, with a lower first of "
      "Adam's --betas (0.5), or with larger batches",
      100 * now.swings, kLowerRates);
}

// Healthy runs are mostly below a third of that share from their 300th step on.
bool checkered(const Vitals& now, const std::vector<Vitals>&) {
  return now.checkerboard > 3 && now.checkerboard_share > 0.06;
}

std::string explain_checkerboard(const Vitals& now, const std::vector<Vitals>&) {
  return text(
      "a checkerboard lies over the samples: at a period of two pixels, the stride's, their spectrum peaks "
      "%.0f times as high as that of real pictures (%.2f %% of all variance). It fades as G learns; where it "
      "stays, see that the stride divides the kernels of G and D (4 for 2), and that G has batch norm",
      now.checkerboard, 100 * now.checkerboard_share);
}

bool memorised(const Vitals& now, const std::vector<Vitals>&) { return now.copies > 0.1 && now.nearness < 1; }

std::string explain_memorisation(const Vitals& now, const std::vector<Vitals>&) {
  return text(
      "G repeats training pictures: %.0f %% of its samples are less than half as far from one of them as the "
      "others are; on the whole samples are %.2f times as far from their nearest as training pictures are "
      "from theirs. Train on more pictures (--hflip doubles them), or for fewer epochs",
      100 * now.copies, now.nearness);
}

// A grid comes and goes while G finds out what a portrait is.
constexpr std::array<Rule, 6> rules{{{Cause::DHasWon, 3, d_has_won, explain_d_has_won},
                                     {Cause::Collapse, 3, collapsed, explain_collapse},
                                     {Cause::Divergence, 3, diverging, explain_divergence},
                                     {Cause::Oscillation, 3, oscillating, explain_oscillation},
                                     {Cause::Checkerboard, 6, checkered, explain_checkerboard},
                                     {Cause::Memorisation, 3, memorised, explain_memorisation}}};

bool is_finite(const Vitals& v) {
  return std::all_of(std::begin(figures), std::end(figures),
                     [&v](const auto& figure) { return std::isfinite(v.*figure.second); });
}

std::string explain_no_number(const Vitals& now) {
  return text(
      "what G draws, or how it learns, is no longer a finite number at step %lld: %s. Begin another run from "
      "an earlier checkpoint (--init) with %s",
      static_cast<long long>(now.step),
      std::isfinite(now.pixel_diversity) ? "a loss or the gradient that reaches G is none"
                                         : "its samples hold values that are none",
      kLowerRates);
}

/// The looks before the one at `index`, or before the last one.
std::vector<Vitals> before(const std::vector<Vitals>& history, size_t index) {
  return {history.begin(), history.begin() + static_cast<long>(index)};
}
std::vector<Vitals> before(const std::vector<Vitals>& history) { return before(history, history.size() - 1); }

/// Whether the look at `index` shows it.
bool shows(const Rule& rule, const std::vector<Vitals>& history, size_t index) {
  return rule.shows(history[index], before(history, index));
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
  if (history.empty()) return findings;
  if (!is_finite(history.back())) return {{Cause::NotANumber, explain_no_number(history.back())}};
  if (history.back().step < settled_step) return findings;
  for (const Rule& rule : rules) {
    bool lasts = history.size() >= rule.lasting;
    for (size_t i = history.size() - std::min(history.size(), rule.lasting); i < history.size(); ++i)
      lasts = lasts && shows(rule, history, i);
    if (lasts) findings.push_back({rule.cause, rule.explain(history.back(), before(history))});
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
                                      ". Begin with ", kLowerRates)};
  }
  const gan::Metrics& last = lines.back();
  return {
      Cause::NotANumber,
      text("a loss is not a number, although at step %lld the losses were still D %.3g, G %.3g, with D(x) "
           "%.4f and D(G(z)) %.4f. Where a loss takes the logarithm of a sigmoid, a D that is sure of "
           "one picture makes it log 0: compute it from the logits. Otherwise try %s",
           static_cast<long long>(last.step), last.d_loss, last.g_loss, last.d_real, last.d_fake,
           kLowerRates)};
}

bool is_healthy(const std::vector<Vitals>& history) {
  return is_finite(history.back()) && std::none_of(rules.begin(), rules.end(), [&](const Rule& rule) {
           return shows(rule, history, history.size() - 1);
         });
}

}  // namespace duel::diagnosis
