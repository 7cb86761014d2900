#include "apps/report/norms.h"

#include <cmath>
#include <utility>

#include "apps/gan/run_table.h"
#include "lib/autograd.h"
#include "ops/arithmetic.h"
#include "ops/reductions.h"

namespace duel::report {
namespace {

double sum_of_squares(const Tensor& x) { return x.defined() ? sum(mul(x, x)).item() : 0; }

}  // namespace

std::vector<LayerNorms> layer_norms(gan::Trainer& trainer) {
  const NoGrad no_graph;
  std::vector<LayerNorms> norms;
  for (auto [network, prefix] :
       {std::pair<nn::Module*, const char*>{&trainer.generator(), "G"}, {&trainer.discriminator(), "D"}}) {
    for (const nn::NamedTensor& parameter : network->parameters(prefix)) {
      const std::string layer = parameter.name.substr(0, parameter.name.rfind('.'));
      if (norms.empty() || norms.back().layer != layer) norms.push_back({layer, 0, 0});
      norms.back().weight += sum_of_squares(*parameter.tensor);
      norms.back().gradient += sum_of_squares(parameter.tensor->grad());
    }
  }
  for (LayerNorms& of : norms) {
    of.weight = std::sqrt(of.weight);
    of.gradient = std::sqrt(of.gradient);
  }
  return norms;
}

void append_norms(const std::filesystem::path& path, int64_t step, const std::vector<LayerNorms>& norms) {
  std::vector<std::vector<std::string>> rows;
  for (const LayerNorms& of : norms)
    rows.push_back({std::to_string(step), of.layer, concat(of.weight), concat(of.gradient)});
  gan::append_rows(path, {"step", "layer", "weight", "gradient"}, rows);
}

}  // namespace duel::report
