#include "apps/latent/interpolation.h"

#include "apps/latent/expression.h"

namespace duel::latent {

const char* name_of(Method method) { return method == Method::Lerp ? "lerp" : "slerp"; }

std::vector<Latent> interpolate(const Latent& a, const Latent& b, int64_t count, Method method) {
  const std::vector<double> from(a.begin(), a.end()), to(b.begin(), b.end());
  std::vector<Latent> way;
  for (int64_t i = 0; i < count; ++i) {
    const double t = static_cast<double>(i) / static_cast<double>(count - 1);
    const std::vector<double> z = method == Method::Lerp ? lerp(from, to, t) : slerp(from, to, t);
    way.emplace_back(z.begin(), z.end());
  }
  return way;
}

}  // namespace duel::latent
