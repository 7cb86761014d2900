#include "lib/optim.h"

#include <array>
#include <cmath>
#include <unordered_set>
#include <utility>

namespace duel {
namespace {

/// What PyTorch calls the two state tensors of each rule; empty where the rule has no such tensor.
std::array<const char*, 2> state_names(const Update& update) {
  struct {
    std::array<const char*, 2> operator()(const AdamUpdate&) const { return {"exp_avg", "exp_avg_sq"}; }
    std::array<const char*, 2> operator()(const RmspropUpdate&) const {
      return {"square_avg", "momentum_buffer"};
    }
    std::array<const char*, 2> operator()(const SgdUpdate&) const { return {"momentum_buffer", ""}; }
  } names;
  return std::visit(names, update);
}

void check_range(const char* optimizer, const char* option, double value, bool ok, const char* range) {
  check(ok, "[", optimizer, "] ", option, " must be ", range, ", got ", value);
}

}  // namespace

Optimizer::Optimizer(std::vector<Tensor> parameters, std::vector<std::string> names, double lr,
                     const Update& update)
    : names_(std::move(names)), update_(update) {
  check(!parameters.empty(), "[optimizer] there are no parameters to optimise");
  check(parameters.size() == names_.size(), "[optimizer] ", parameters.size(), " parameters but ",
        names_.size(), " names");
  std::unordered_set<const GradSlot*> seen;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Tensor& parameter = parameters[i];
    check_same_kind("optimizer", parameters[0], parameter);
    check(parameter.requires_grad() && !parameter.node(), "[optimizer] parameter ", names_[i],
          " collects no gradient: it must be a leaf, told by set_requires_grad(true)");
    check(seen.insert(parameter.grad_slot().get()).second, "[optimizer] parameter ", names_[i],
          " is given twice");
    const Tensor a = Tensor::zeros(parameter.shape(), parameter.dtype(), parameter.device());
    states_.push_back({parameter, {}, a, has_b(update) ? a.clone() : Tensor{}});
  }
  clock_ = Tensor::zeros({2}, DType::Float64, parameters[0].device());
  set_lr(lr);
}

void Optimizer::step() {
  std::vector<ParameterState> active;
  for (const ParameterState& state : states_) {
    if (const Tensor grad = state.parameter.grad(); grad.defined())
      active.push_back({state.parameter, grad, state.a, state.b});
  }
  kernels(clock_.device()).optimizer_step(update_, active, clock_);
  for (const ParameterState& state : active) state.parameter.mark_changed(/*forms_too=*/true);
}

void Optimizer::zero_grad() const {
  for (const ParameterState& state : states_) state.parameter.zero_grad();
}

double Optimizer::lr() const { return clock_.to_vector<double>()[0]; }

void Optimizer::set_lr(double lr) {
  check(lr >= 0 && std::isfinite(lr), "[optimizer] lr must be finite and not negative, got ", lr);
  const std::array<double, 2> clock{lr, static_cast<double>(steps_done())};
  clock_.upload(clock.data());
}

int64_t Optimizer::steps_done() const { return static_cast<int64_t>(clock_.to_vector<double>()[1]); }

std::vector<std::pair<std::string, Tensor>> Optimizer::state() const {
  const auto [name_a, name_b] = state_names(update_);
  std::vector<std::pair<std::string, Tensor>> tensors{{"step", clock_}};
  for (size_t i = 0; i < states_.size(); ++i) {
    tensors.emplace_back(names_[i] + "." + name_a, states_[i].a);
    if (has_b(update_)) tensors.emplace_back(names_[i] + "." + name_b, states_[i].b);
  }
  return tensors;
}

Optimizer adam(std::vector<Tensor> parameters, std::vector<std::string> names, const AdamOptions& o) {
  check_range("adam", "lr", o.lr, o.lr >= 0, ">= 0");
  check_range("adam", "betas[0]", o.beta1, o.beta1 >= 0 && o.beta1 < 1, "in [0, 1)");
  check_range("adam", "betas[1]", o.beta2, o.beta2 >= 0 && o.beta2 < 1, "in [0, 1)");
  check_range("adam", "eps", o.eps, o.eps >= 0, ">= 0");
  check_range("adam", "weight_decay", o.weight_decay, o.weight_decay >= 0, ">= 0");
  return {std::move(parameters), std::move(names), o.lr, AdamUpdate{o.beta1, o.beta2, o.eps, o.weight_decay}};
}

Optimizer rmsprop(std::vector<Tensor> parameters, std::vector<std::string> names, const RmspropOptions& o) {
  check_range("rmsprop", "lr", o.lr, o.lr >= 0, ">= 0");
  check_range("rmsprop", "alpha", o.alpha, o.alpha >= 0 && o.alpha < 1, "in [0, 1)");
  check_range("rmsprop", "eps", o.eps, o.eps >= 0, ">= 0");
  check_range("rmsprop", "weight_decay", o.weight_decay, o.weight_decay >= 0, ">= 0");
  check_range("rmsprop", "momentum", o.momentum, o.momentum >= 0, ">= 0");
  check_range("rmsprop", "clip_value", o.clip_value, o.clip_value >= 0, ">= 0");
  check_range("rmsprop", "decay", o.decay, o.decay >= 0, ">= 0");
  return {std::move(parameters), std::move(names), o.lr,
          RmspropUpdate{o.alpha, o.eps, o.weight_decay, o.momentum, o.clip_value, o.decay}};
}

Optimizer sgd(std::vector<Tensor> parameters, std::vector<std::string> names, const SgdOptions& o) {
  check_range("sgd", "lr", o.lr, o.lr >= 0, ">= 0");
  check_range("sgd", "momentum", o.momentum, o.momentum >= 0, ">= 0");
  check_range("sgd", "weight_decay", o.weight_decay, o.weight_decay >= 0, ">= 0");
  return {std::move(parameters), std::move(names), o.lr, SgdUpdate{o.momentum, o.weight_decay}};
}

}  // namespace duel
