#include "ops/weighted_node.h"

#include <utility>

#include "lib/kernels.h"

namespace duel {

void WeightedNode::release() {
  x.release();
  weight.release();
}

void WeightedNode::backward_bias(const Tensor& dy) const {
  if (inputs.size() < 3 || !needs(2)) return;
  beside(2, [&](const Target& db) { kernels(dy.device()).sum_rows(dy, db.tensor, db.write); });
}

void check_bias(const char* op, const Tensor& x, const Tensor& bias, int64_t channels) {
  if (!bias.defined()) return;
  check_parameter_kind(op, x, bias);
  check_shape(op, "bias", bias, {channels});
}

void record_weighted(std::shared_ptr<WeightedNode> node, const Tensor& y, const Tensor& x,
                     const Tensor& weight, const Tensor& bias) {
  if (weight.requires_grad()) node->x = Saved(x);
  if (x.requires_grad()) node->weight = Saved(weight);
  record(y, std::move(node),
         bias.defined() ? std::vector<Tensor>{x, weight, bias} : std::vector<Tensor>{x, weight});
}

}  // namespace duel
