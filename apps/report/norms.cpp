#include "apps/report/norms.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <utility>

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
  std::ofstream out(path, std::ios::app);
  if (out && out.tellp() == 0) out << "step,layer,weight,gradient\n";
  for (const LayerNorms& of : norms)
    out << step << ',' << of.layer << ',' << of.weight << ',' << of.gradient << '\n';
  out.flush();
  check(out.good(), path.string(), ": cannot be written: ", std::strerror(errno));
}

}  // namespace duel::report
