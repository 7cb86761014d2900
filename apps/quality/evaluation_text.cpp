// The forms in which an evaluation leaves the program.
#include <cstdio>

#include "apps/gan/json.h"
#include "apps/quality/evaluation.h"

namespace duel::quality {
namespace {

/// Below it a factor's estimate says next to nothing, and the table leaves it out.
constexpr double least_trust = 0.25;

std::string interval(const Estimate& estimate) {
  char text[64];
  const int digits = estimate.value >= 10 ? 1 : 3;
  std::snprintf(text, sizeof text, "%.*f [%.*f, %.*f]", digits, estimate.value, digits, estimate.low, digits,
                estimate.high);
  return text;
}

std::string row(const std::string& name, const std::string& a, const std::string& b, const std::string& c,
                const std::string& last) {
  char text[192];
  std::snprintf(text, sizeof text, "  %-21s %-22s %-22s %-22s %s", name.c_str(), a.c_str(), b.c_str(),
                c.c_str(), last.c_str());
  std::string line = text;
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

gan::Json to_json(const Estimate& estimate) {
  return {{"value", estimate.value}, {"low", estimate.low}, {"high", estimate.high}};
}

std::string meaning(const std::string& name) {
  if (name == "swd") return "mean of these";
  if (name.starts_with("swd_")) return "distance of the patches in this band; low is good";
  if (name == "ms_ssim") return "likeness of two samples; above the reals': too little variety";
  if (name == "precision") return "samples that look like reals";
  if (name == "recall") return "reals that samples look like";
  if (name == "density") return "how densely reals lie around a sample; 1 is as around reals";
  if (name == "coverage") return "reals with a sample in their neighbourhood";
  return "samples that are copies of training pictures";
}

}  // namespace

std::string table(const Evaluation& evaluation) {
  std::string text = row("", "samples", "reals", "noise", "");
  for (const Score& score : evaluation.scores)
    text += row(score.name, interval(score.samples), interval(score.reals), interval(score.noise),
                meaning(score.name));
  if (evaluation.factors.empty()) return text;
  text +=
      "\nHow much of each factor's range is covered, judged by the nearest face whose factors are known\n" +
      row("", "samples", "reals", "noise", "trust in the judgement");
  std::string too_fine;
  for (const FactorCoverage& factor : evaluation.factors) {
    if (factor.trust < least_trust) {
      too_fine += (too_fine.empty() ? "" : ", ") + factor.name;
      continue;
    }
    char trust[16];
    std::snprintf(trust, sizeof trust, "%.2f", factor.trust);
    text += row(factor.name, interval(factor.samples), interval(factor.reals), interval(factor.noise), trust);
  }
  if (!too_fine.empty()) text += "  Too fine to be judged so: " + too_fine + "\n";
  return text;
}

gan::Json to_json(const Evaluation& evaluation) {
  gan::Json json{{"count", evaluation.count}};
  const auto three = [](const auto& s) {
    return gan::Json{
        {"samples", to_json(s.samples)}, {"reals", to_json(s.reals)}, {"noise", to_json(s.noise)}};
  };
  for (const Score& score : evaluation.scores) json["scores"][score.name] = three(score);
  for (const FactorCoverage& factor : evaluation.factors) {
    json["factors"][factor.name] = three(factor);
    json["factors"][factor.name]["trust"] = factor.trust;
  }
  return json;
}

}  // namespace duel::quality
