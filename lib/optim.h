// Optimisers: they change parameters in place from the gradients that backward() left on them.
#pragma once

#include <string>
#include <vector>

#include "lib/functors.h"
#include "lib/kernels.h"
#include "lib/tensor.h"

namespace duel {

class Optimizer {
 public:
  /// Parameters are different leaves of one device that require a gradient; `names` (one each) label the
  /// saved state.
  Optimizer(std::vector<Tensor> parameters, std::vector<std::string> names, double lr, const Update& update);
  Optimizer(const Optimizer&) = delete;  // two would share their state
  Optimizer& operator=(const Optimizer&) = delete;
  Optimizer(Optimizer&&) = default;
  Optimizer& operator=(Optimizer&&) = default;

  /// One update of every parameter that has a gradient; one that has none keeps its value and its state. The
  /// steps that Adam's corrections and RMSprop's decay depend on are counted for all together; PyTorch counts
  /// them for each parameter.
  void step();
  /// Forgets all gradients.
  void zero_grad() const;

  double lr() const;
  /// Throws where it is negative or not finite.
  void set_lr(double lr);
  int64_t steps_done() const;

  /// Names and tensors of the state, in the order of the parameters: "<name>.exp_avg", … as PyTorch calls
  /// them, and "step", float64 (2): {learning rate, steps done}. The tensors are handles: copying into them
  /// restores the state.
  std::vector<std::pair<std::string, Tensor>> state() const;

 private:
  std::vector<std::string> names_;
  std::vector<ParameterState> states_;  // the gradients are looked up in step()
  Update update_;
  Tensor clock_;  // float64 (2), on the device: see Kernels::optimizer_step
};

struct AdamOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
};
struct RmspropOptions {
  double lr = 1e-2, alpha = 0.99, eps = 1e-8, weight_decay = 0, momentum = 0, clip_value = 0, decay = 0;
};
struct SgdOptions {
  double lr = 1e-3, momentum = 0, weight_decay = 0;
};

/// The three optimisers; see AdamUpdate, RmspropUpdate and SgdUpdate for the formulas. Options out of range
/// throw.
Optimizer adam(std::vector<Tensor> parameters, std::vector<std::string> names, const AdamOptions& options);
Optimizer rmsprop(std::vector<Tensor> parameters, std::vector<std::string> names,
                  const RmspropOptions& options);
Optimizer sgd(std::vector<Tensor> parameters, std::vector<std::string> names, const SgdOptions& options);

}  // namespace duel
