// With L = sum w * f(x), the quotient for element i is
//     dL/dx_i ~ sum w * (f(x + h e_i) - f(x - h e_i)) / 2h,
// the difference taken before the sum: most elements of f do not depend on x_i, and their rounding errors
// cancel.
#include "ops/check/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <utility>

#include "lib/autograd.h"
#include "lib/philox.h"

namespace duel {
namespace {

std::vector<double> random_weights(int64_t count, uint64_t seed) {
  PhiloxWalk random(seed, static_cast<uint64_t>(Stream::Check));
  std::vector<double> weights(static_cast<size_t>(count));
  for (double& weight : weights) {
    const double value = static_cast<double>(random.uniform(-1, 1));
    weight = value + std::copysign(0.5, value);
  }
  return weights;
}

/// All of 0 .. count-1, or `limit` of them (Floyd's algorithm), in rising order.
std::vector<int64_t> choose_elements(int64_t count, int64_t limit, uint64_t seed, size_t input) {
  std::vector<int64_t> all(static_cast<size_t>(count));
  if (limit <= 0 || count <= limit) {
    std::iota(all.begin(), all.end(), 0);
    return all;
  }
  check(count <= std::numeric_limits<uint32_t>::max(), "[gradcheck] input ", input,
        " has too many elements: ", count);
  PhiloxWalk random(seed, static_cast<uint64_t>(Stream::Check), (input + 1) << 32);
  std::set<int64_t> chosen;
  for (int64_t last = count - limit; last < count; ++last) {
    const int64_t pick = random.below(static_cast<uint32_t>(last + 1));
    chosen.insert(chosen.contains(pick) ? last : pick);
  }
  return {chosen.begin(), chosen.end()};
}

/// Moves single elements of a tensor and puts them back.
class Movable {
 public:
  explicit Movable(const Tensor& tensor) : tensor_(tensor), values_(tensor.to_vector<double>()) {}
  ~Movable() { tensor_.upload(values_.data()); }
  Movable(const Movable&) = delete;
  Movable& operator=(const Movable&) = delete;

  double operator[](int64_t element) const { return values_[static_cast<size_t>(element)]; }
  void set(int64_t element, double value) {
    const double before = std::exchange(values_[static_cast<size_t>(element)], value);
    tensor_.upload(values_.data());
    values_[static_cast<size_t>(element)] = before;
  }

 private:
  Tensor tensor_;
  std::vector<double> values_;
};

std::vector<double> evaluate(const std::function<Tensor()>& function) {
  const NoGrad no_grad;
  return function().to_vector<double>();
}

/// The gradient of sum weights * function() for each input; zeros where none arrived.
std::vector<std::vector<double>> analytic_gradients(const std::function<Tensor()>& function,
                                                    const std::vector<Tensor>& inputs,
                                                    const std::vector<double>& weights) {
  for (const Tensor& input : inputs) input.zero_grad();
  const Tensor y = function();
  backward(y, Tensor::from(weights, y.shape(), y.device()));
  std::vector<std::vector<double>> gradients;
  for (const Tensor& input : inputs) {
    const Tensor grad = input.grad();
    gradients.push_back(grad.defined() ? grad.to_vector<double>()
                                       : std::vector<double>(static_cast<size_t>(input.numel())));
    input.zero_grad();
  }
  return gradients;
}

double quotient(const std::function<Tensor()>& function, Movable& input, int64_t element, double step,
                const std::vector<double>& weights) {
  const double x = input[element], h = step * std::max(1.0, std::fabs(x));
  input.set(element, x + h);
  const std::vector<double> above = evaluate(function);
  input.set(element, x - h);
  const std::vector<double> below = evaluate(function);
  double difference = 0;
  for (size_t i = 0; i < weights.size(); ++i) difference += weights[i] * (above[i] - below[i]);
  return difference / ((x + h) - (x - h));
}

struct Comparison {
  double numeric, error;  // see GradcheckResult
};

Comparison compare(double analytic, double numeric, const GradcheckOptions& options) {
  const double error = std::fabs(analytic - numeric) / (options.atol / options.rtol + std::fabs(numeric));
  return {numeric, std::isfinite(error) ? error : std::numeric_limits<double>::infinity()};
}

}  // namespace

GradcheckResult gradcheck(const std::function<Tensor()>& function, const std::vector<Tensor>& inputs,
                          const GradcheckOptions& options) {
  check(options.rtol > 0 && options.atol > 0 && options.step > 0,
        "[gradcheck] rtol, atol and step must be positive");
  for (size_t i = 0; i < inputs.size(); ++i) {
    check(inputs[i].requires_grad() && !inputs[i].node() && inputs[i].dtype() == DType::Float64,
          "[gradcheck] input ", i, " must be a float64 leaf that requires a gradient");
  }
  const std::vector<double> y = evaluate(function);
  check(std::all_of(y.begin(), y.end(), [](double value) { return std::isfinite(value); }),
        "[gradcheck] the function's result is not finite");
  check(evaluate(function) == y, "[gradcheck] the function gives different results for the same inputs");
  const std::vector<double> weights = random_weights(static_cast<int64_t>(y.size()), options.seed);
  const auto gradients = analytic_gradients(function, inputs, weights);

  GradcheckResult result;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Movable input(inputs[i]);
    result.elements += inputs[i].numel();
    for (const int64_t element : choose_elements(inputs[i].numel(), options.max_elements, options.seed, i)) {
      const double analytic = gradients[i][static_cast<size_t>(element)];
      double step = options.step;
      Comparison best = compare(analytic, quotient(function, input, element, step, weights), options);
      if (options.refinements > 0 && best.error > options.rtol) ++result.refined;
      for (int r = 0; r < options.refinements && best.error > options.rtol; ++r) {
        step /= 10;
        const Comparison finer =
            compare(analytic, quotient(function, input, element, step, weights), options);
        if (finer.error < best.error) best = finer;
      }
      ++result.checked;
      if (best.error < result.error) continue;
      result.error = best.error;
      result.input = i;
      result.element = element;
      result.analytic = analytic;
      result.numeric = best.numeric;
    }
  }
  result.passed = result.error <= options.rtol;
  return result;
}

std::string GradcheckResult::str(const std::vector<std::string>& names) const {
  const std::string elements_checked =
      checked == elements ? concat("all ", elements) : concat(checked, " of ", elements);
  return concat(passed ? "passed" : "FAILED", ", ", elements_checked, " elements",
                refined ? concat(" (", refined, " in smaller steps)") : "", ", worst relative error ", error,
                " at element ", element, " of input ",
                input < names.size() ? names[input] : std::to_string(input), ": analytic ", analytic,
                ", numeric ", numeric);
}

}  // namespace duel
