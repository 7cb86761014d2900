// The functions of the expressions.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "apps/latent/term.h"
#include "lib/error.h"

namespace duel::latent {
namespace {

double number_of(const Value& value, const char* what) {
  check(value.is_number, what, " must be a number, not a vector");
  return value.elements[0];
}

const std::vector<double>& vector_of(const Value& value, const char* what) {
  check(!value.is_number, what, " must be a vector, not a number");
  return value.elements;
}

Value apply_abs(std::span<const Value> a) {
  Value result = a[0];
  for (double& x : result.elements) x = std::fabs(x);
  return result;
}

Value apply_norm(std::span<const Value> a) { return Value::number(length(a[0].elements)); }

/// Of one vector its mean component, a number; of several values their average.
Value apply_mean(std::span<const Value> a) {
  if (a.size() == 1) {
    const std::vector<double>& v = a[0].elements;
    return Value::number(std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size()));
  }
  Value total = a[0];
  for (const Value& value : a.subspan(1)) total = componentwise(total, value, std::plus<>());
  for (double& x : total.elements) x /= static_cast<double>(a.size());
  return total;
}

Value apply_lerp(std::span<const Value> a) {
  const double t = number_of(a[2], "the share, lerp's third argument,");
  return componentwise(a[0], a[1], [t](double x, double y) { return (1 - t) * x + t * y; });
}

Value apply_slerp(std::span<const Value> a) {
  const double t = number_of(a[2], "the share, slerp's third argument,");
  return {slerp(vector_of(a[0], "slerp's first argument"), vector_of(a[1], "slerp's second argument"), t)};
}

Value apply_clamp(std::span<const Value> a) {
  const double low = number_of(a[1], "clamp's lower bound"), high = number_of(a[2], "clamp's upper bound");
  check(low <= high, "clamp's bounds are the wrong way round: ", low, " is above ", high);
  Value result = a[0];
  for (double& x : result.elements) x = std::clamp(x, low, high);
  return result;
}

double largest_component(const std::vector<double>& v) {
  double largest = 0;
  for (const double x : v) largest = std::max(largest, std::fabs(x));
  return largest;
}

/// The vector of length 1 in the direction of `v`, which is not zero.
std::vector<double> unit(std::vector<double> v) {
  // In two steps, as the length may be more than a double holds.
  const double largest = largest_component(v);
  for (double& x : v) x /= largest;
  const double rest = length(v);
  for (double& x : v) x /= rest;
  return v;
}

constexpr size_t kAnyNumber = 1000;
constexpr Function kFunctions[] = {
    {"abs", 1, 1, "abs(A)", apply_abs},
    {"clamp", 3, 3, "clamp(A, low, high)", apply_clamp},
    {"lerp", 3, 3, "lerp(A, B, share)", apply_lerp},
    {"mean", 1, kAnyNumber, "mean(A), or mean(A, B, ...)", apply_mean},
    {"norm", 1, 1, "norm(A)", apply_norm},
    {"slerp", 3, 3, "slerp(A, B, share)", apply_slerp},
};

}  // namespace

// Taken of v over its largest component, whose square neither overflows nor vanishes.
double length(const std::vector<double>& v) {
  const double largest = largest_component(v);
  if (largest == 0) return 0;
  double squares = 0;
  for (const double x : v) squares += (x / largest) * (x / largest);
  return largest * std::sqrt(squares);
}

std::vector<double> lerp(const std::vector<double>& a, const std::vector<double>& b, double t) {
  std::vector<double> result(a.size());
  for (size_t i = 0; i < a.size(); ++i) result[i] = (1 - t) * a[i] + t * b[i];
  return result;
}

std::vector<double> slerp(const std::vector<double>& a, const std::vector<double>& b, double t) {
  check(largest_component(a) > 0 && largest_component(b) > 0,
        "slerp has no direction to start from: one of its vectors is zero");
  const std::vector<double> unit_a = unit(a), unit_b = unit(b);
  const double cosine = std::inner_product(unit_a.begin(), unit_a.end(), unit_b.begin(), 0.0);
  const double angle = std::acos(std::clamp(cosine, -1.0, 1.0)), sine = std::sin(angle);
  double share_a = 1 - t, share_b = t;
  if (sine > 1e-6) {
    share_a = std::sin((1 - t) * angle) / sine;
    share_b = std::sin(t * angle) / sine;
  } else {
    check(cosine > 0, "slerp knows no way between vectors that point in opposite directions");
  }
  std::vector<double> result(a.size());
  for (size_t i = 0; i < a.size(); ++i) result[i] = share_a * a[i] + share_b * b[i];
  return result;
}

const Function* find_function(std::string_view name) {
  const auto found = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                  [name](const Function& function) { return function.name == name; });
  return found == std::end(kFunctions) ? nullptr : found;
}

bool is_function(std::string_view name) { return find_function(name) != nullptr; }

std::string function_names() {
  std::string names;
  for (const Function& function : kFunctions) names += concat(names.empty() ? "" : ", ", function.name);
  return names;
}

}  // namespace duel::latent
