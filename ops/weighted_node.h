// What ops with a weight and perhaps a bias, the convolutions and the linear ones, have in common.
#pragma once

#include <memory>

#include "lib/autograd.h"

namespace duel {

/// Of the inputs x, weight and, where there is one, bias.
struct WeightedNode : Node {
  Saved x, weight;

  void release() override;

 protected:
  /// The bias's gradient, if it needs one: the column sums of dy.
  void backward_bias(const Tensor& dy) const;
};

/// Throws unless `bias` is undefined or goes with x and has shape (channels).
void check_bias(const char* op, const Tensor& x, const Tensor& bias, int64_t channels);

/// Records that y is the output of `node`, which is given what its backward needs.
void record_weighted(std::shared_ptr<WeightedNode> node, const Tensor& y, const Tensor& x,
                     const Tensor& weight, const Tensor& bias);

}  // namespace duel
