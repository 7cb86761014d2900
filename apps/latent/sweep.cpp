#include "apps/latent/sweep.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <sstream>

#include "lib/error.h"

namespace duel::latent {
namespace {

std::vector<std::string> split(const std::string& text, char delimiter) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == delimiter) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// The whole text as a number; false if it is none.
template <class T>
bool parse(const std::string& text, T& value) {
  const char* const begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(begin, end, value);
  return error == std::errc() && rest == end && std::isfinite(static_cast<double>(value));
}

}  // namespace

std::vector<double> parse_numbers(const std::string& option, const std::string& text) {
  std::vector<double> numbers;
  for (const std::string& part : split(text, ',')) {
    double value = 0;
    check(parse(part, value), option, " must be numbers with commas between them, got '", part, "' in '",
          text, "'");
    check(std::abs(value) <= std::numeric_limits<float>::max(), option,
          " must be numbers within single precision, got ", part);
    numbers.push_back(value);
  }
  return numbers;
}

std::vector<double> parse_quantiles(const std::string& option, const std::string& text) {
  constexpr int64_t most = 1000;
  const std::vector<std::string> parts = split(text, ':');
  double from = 0, to = 0;
  int64_t count = 0;
  check(parts.size() == 3 && parse(parts[0], from) && parse(parts[1], to) && parse(parts[2], count), option,
        " must be FROM:TO:COUNT, such as 0.14:0.86:8, got '", text, "'");
  check(from > 0 && from < 1 && to > 0 && to < 1, option, " must be shares between 0 and 1, got '", text,
        "'");
  check(count >= 2 && count <= most, option, " must have a count from 2 to ", most, ", got ", count);
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(
        normal_quantile(from + (to - from) * static_cast<double>(i) / static_cast<double>(count - 1)));
  return values;
}

double normal_quantile(double p) {
  check(p > 0 && p < 1, "[normal_quantile] p must lie between 0 and 1, got ", p);
  const auto below = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  double low = -40, high = 40;  // beyond, a double cannot tell the probability from 0
  while (true) {
    const double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) return middle;
    (below(middle) < p ? low : high) = middle;
  }
}

std::vector<Latent> sweep(const Latent& face, int64_t dim, const std::vector<double>& values) {
  const auto z_dim = static_cast<int64_t>(face.size());
  check(dim >= 0 && dim < z_dim, "there is no component ", dim,
        ": this checkpoint's latents have the components 0 to ", z_dim - 1);
  std::vector<Latent> faces(values.size(), face);
  for (size_t i = 0; i < values.size(); ++i)
    faces[i][static_cast<size_t>(dim)] = static_cast<float>(values[i]);
  return faces;
}

std::vector<ComponentChange> rank_components(const Painter& painter, const std::vector<Latent>& faces,
                                             double low, double high) {
  std::vector<ComponentChange> changes;
  for (int64_t dim = 0; dim < painter.z_dim(); ++dim) {
    std::vector<Latent> ends;
    for (const Latent& face : faces) {
      const std::vector<Latent> pair = sweep(face, dim, {low, high});
      ends.insert(ends.end(), pair.begin(), pair.end());
    }
    const std::vector<Image> pictures = painter.draw(ends);
    double total = 0;
    for (size_t i = 0; i < pictures.size(); i += 2) total += picture_distance(pictures[i], pictures[i + 1]);
    changes.push_back({dim, total / static_cast<double>(faces.size())});
  }
  std::stable_sort(changes.begin(), changes.end(),
                   [](const ComponentChange& a, const ComponentChange& b) { return a.change > b.change; });
  return changes;
}

}  // namespace duel::latent
