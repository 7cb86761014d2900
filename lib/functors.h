// Per-element formulas and their derivatives, each written once. The backends instantiate them: the CPU in a
// loop, CUDA in a kernel. Adding one means writing the struct and naming it in the
// std::variant that follows.
#pragma once

#include <cmath>
#include <cstdint>
#include <variant>

#include "lib/host_device.h"

namespace duel {

/// What the derivative of a function of one variable is computed from.
enum class Saves { Nothing, Input, Output };

// ---- functions of one variable: y = value(x), dx = grad(saved, dy) ----

/// Written so that NaN stays NaN, and lets the gradient through: a network that has diverged must not look
/// healthy.
struct Relu {
  static constexpr Saves saves = Saves::Output;
  template <class T>
  DUEL_HOST_DEVICE T value(T x) const {
    return x < T(0) ? T(0) : x;
  }
  template <class T>
  DUEL_HOST_DEVICE T grad(T y, T dy) const {
    return y <= T(0) ? T(0) : dy;
  }
};

/// The slope is not negative, so the sign of the output is the sign of the input.
struct LeakyRelu {
  double negative_slope;
  static constexpr Saves saves = Saves::Output;
  template <class T>
  DUEL_HOST_DEVICE T value(T x) const {
    return x > T(0) ? x : T(negative_slope) * x;
  }
  template <class T>
  DUEL_HOST_DEVICE T grad(T y, T dy) const {
    return y > T(0) ? dy : T(negative_slope) * dy;
  }
};

struct Sigmoid {
  static constexpr Saves saves = Saves::Output;
  template <class T>
  DUEL_HOST_DEVICE T value(T x) const {
    return T(1) / (T(1) + std::exp(-x));
  }
  template <class T>
  DUEL_HOST_DEVICE T grad(T y, T dy) const {
    return dy * y * (T(1) - y);
  }
};

struct Tanh {
  static constexpr Saves saves = Saves::Output;
  template <class T>
  DUEL_HOST_DEVICE T value(T x) const {
    return std::tanh(x);
  }
  template <class T>
  DUEL_HOST_DEVICE T grad(T y, T dy) const {
    return dy * (T(1) - y * y);
  }
};

struct Abs {
  static constexpr Saves saves = Saves::Input;
  template <class T>
  DUEL_HOST_DEVICE T value(T x) const {
    return x < T(0) ? -x : x;
  }
  template <class T>
  DUEL_HOST_DEVICE T grad(T x, T dy) const {
    return x > T(0) ? dy : (x < T(0) ? -dy : T(0));
  }
};

struct Log {
  static constexpr Saves saves = Saves::Input;
  template <class T>
  DUEL_HOST_DEVICE T value(T x) const {
    return std::log(x);
  }
  template <class T>
  DUEL_HOST_DEVICE T grad(T x, T dy) const {
    return dy / x;
  }
};

struct Scale {
  double factor;
  static constexpr Saves saves = Saves::Nothing;
  template <class T>
  DUEL_HOST_DEVICE T value(T x) const {
    return T(factor) * x;
  }
  template <class T>
  DUEL_HOST_DEVICE T grad(T, T dy) const {
    return T(factor) * dy;
  }
};

using Unary = std::variant<Relu, LeakyRelu, Sigmoid, Tanh, Abs, Log, Scale>;

/// A byte as a number in the range of tanh: 0 to -1, 255 to 1.
template <class T>
DUEL_HOST_DEVICE T pixel_value(uint8_t pixel) {
  return T(pixel) / T(127.5) - T(1);
}

// ---- functions of two variables: y = value(a, b) ----

struct Add {
  template <class T>
  DUEL_HOST_DEVICE T value(T a, T b) const {
    return a + b;
  }
};

struct Subtract {
  template <class T>
  DUEL_HOST_DEVICE T value(T a, T b) const {
    return a - b;
  }
};

struct Multiply {
  template <class T>
  DUEL_HOST_DEVICE T value(T a, T b) const {
    return a * b;
  }
};

using Binary = std::variant<Add, Subtract, Multiply>;

// ---- losses: value(x, target), and grad(x, target) with respect to x ----

/// -(t log p + (1 - t) log(1 - p)) with p = sigmoid(x), in the form max(x, 0) - x t + log(1 + exp(-|x|)),
/// which neither overflows nor loses the tail.
struct BceWithLogits {
  template <class T>
  DUEL_HOST_DEVICE T value(T x, T target) const {
    return (x > T(0) ? x : T(0)) - x * target + std::log1p(std::exp(-Abs{}.value(x)));
  }
  template <class T>
  DUEL_HOST_DEVICE T grad(T x, T target) const {
    return Sigmoid{}.value(x) - target;
  }
};

/// -(t log x + (1 - t) log(1 - x)) for probabilities x; the logarithms are clamped at -100 from below
/// and the gradient's denominator at 1e-12, as PyTorch's are.
struct Bce {
  template <class T>
  DUEL_HOST_DEVICE T value(T x, T target) const {
    return -(target * cut(std::log(x)) + (T(1) - target) * cut(std::log1p(-x)));
  }
  template <class T>
  DUEL_HOST_DEVICE T grad(T x, T target) const {
    const T variance = x * (T(1) - x), smallest = T(1e-12f);  // PyTorch's, a float for doubles, too
    return (x - target) / (variance > smallest ? variance : smallest);
  }

 private:
  template <class T>
  DUEL_HOST_DEVICE T cut(T logarithm) const {
    return logarithm < T(-100) ? T(-100) : logarithm;
  }
};

using Loss = std::variant<BceWithLogits, Bce>;

// ---- batch normalisation, for one element of a channel ----

/// y = weight * (x - mean) * inverse_std + bias.
template <class T>
DUEL_HOST_DEVICE T batch_norm_value(T x, T mean, T inverse_std, T weight, T bias) {
  return (x - mean) * (inverse_std * weight) + bias;
}

/// dx where mean and variance are functions of x: with xhat = (x - mean) * inverse_std,
/// dx = weight * inverse_std * (dy - mean(dy) - xhat * mean(dy * xhat)).
template <class T>
DUEL_HOST_DEVICE T batch_norm_grad(T x, T dy, T mean, T inverse_std, T weight, T mean_dy, T mean_dy_xhat) {
  return weight * inverse_std * (dy - mean_dy - (x - mean) * inverse_std * mean_dy_xhat);
}

/// running = (1 - momentum) * running + momentum * batch. The batch's variance, a sum divided by `rows`, is
/// made unbiased on the way: as if divided by rows - 1.
template <class T>
struct RunningUpdate {
  T keep, mean_weight, variance_weight;

  RunningUpdate(double momentum, int64_t rows)
      : keep(T(1 - momentum)),
        mean_weight(T(momentum)),
        variance_weight(T(momentum * (static_cast<double>(rows) / static_cast<double>(rows - 1)))) {}
  DUEL_HOST_DEVICE void apply(T mean, T variance, T& running_mean, T& running_variance) const {
    running_mean = keep * running_mean + mean_weight * mean;
    running_variance = keep * running_variance + variance_weight * variance;
  }
};

// ---- optimisers: prepare() once a step (counted from 1), then apply() to each element p with gradient g and
// state a, b; a rule that has only one state tensor says so by has_b = false and must not touch b ----

/// Kingma & Ba, "Adam: A Method for Stochastic Optimization" (2015), with PyTorch's placing of eps and L2
/// weight decay. a and b are the first and second moment.
struct AdamUpdate {
  static constexpr bool has_b = true;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  struct Step {
    double rate, root_correction;
  };
  DUEL_HOST_DEVICE Step prepare(double lr, double step) const {
    return {lr / (1 - std::pow(beta1, step)), std::sqrt(1 - std::pow(beta2, step))};
  }
  template <class T>
  DUEL_HOST_DEVICE void apply(T& p, T g, T& a, T& b, const Step& step) const {
    g += T(weight_decay) * p;
    a = T(beta1) * a + T(1 - beta1) * g;
    b = T(beta2) * b + T(1 - beta2) * g * g;
    p -= T(step.rate) * a / (std::sqrt(b) / T(step.root_correction) + T(eps));
  }
};

/// Tieleman & Hinton's RMSprop (2012) as PyTorch defines it, not centred: a is the mean square, b the
/// momentum buffer. The rest is as Keras defined clipvalue and decay: the gradient is first clipped to
/// [-clip_value, clip_value] (0: not at all), and the rate falls as lr / (1 + decay * steps done).
struct RmspropUpdate {
  static constexpr bool has_b = true;
  double alpha = 0.99, eps = 1e-8, weight_decay = 0, momentum = 0, clip_value = 0, decay = 0;
  struct Step {
    double rate;
  };
  DUEL_HOST_DEVICE Step prepare(double lr, double step) const { return {lr / (1 + decay * (step - 1))}; }
  template <class T>
  DUEL_HOST_DEVICE void apply(T& p, T g, T& a, T& b, const Step& step) const {
    const T bound = T(clip_value);
    if (bound > T(0)) g = g > bound ? bound : (g < -bound ? -bound : g);
    g += T(weight_decay) * p;
    a = T(alpha) * a + T(1 - alpha) * g * g;
    b = T(momentum) * b + g / (std::sqrt(a) + T(eps));
    p -= T(step.rate) * b;
  }
};

/// Stochastic gradient descent with PyTorch's momentum, v = momentum * v + g, p -= lr * v. a is v.
struct SgdUpdate {
  static constexpr bool has_b = false;
  double momentum = 0, weight_decay = 0;
  struct Step {
    double rate;
  };
  DUEL_HOST_DEVICE Step prepare(double lr, double) const { return {lr}; }
  template <class T>
  DUEL_HOST_DEVICE void apply(T& p, T g, T& a, T&, const Step& step) const {
    g += T(weight_decay) * p;
    a = T(momentum) * a + g;
    p -= T(step.rate) * a;
  }
};

using Update = std::variant<AdamUpdate, RmspropUpdate, SgdUpdate>;

inline bool has_b(const Update& update) {
  return std::visit([](const auto& rule) { return rule.has_b; }, update);
}

}  // namespace duel
