#include "apps/latent/inversion.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "apps/latent/painter.h"
#include "lib/autograd.h"
#include "lib/optim.h"
#include "ops/activations.h"
#include "ops/arithmetic.h"
#include "ops/reductions.h"

namespace duel::latent {
namespace {

/// The error of each picture, from the differences (N, H, W, C) of values in [-1, 1].
std::vector<double> errors_of(const Tensor& differences) {
  const std::vector<float> values = differences.to_vector<float>();
  const auto count = static_cast<size_t>(differences.dim(0)), size = values.size() / count;
  std::vector<double> errors;
  for (size_t i = 0; i < count; ++i) {
    double total = 0;
    for (size_t j = i * size; j < (i + 1) * size; ++j) total += static_cast<double>(values[j]) * values[j];
    errors.push_back(127.5 * std::sqrt(total / static_cast<double>(size)));
  }
  return errors;
}

void keep_within(const Tensor& z, double bound) {
  std::vector<float> values = z.to_vector<float>();
  const auto limit = static_cast<float>(bound);
  for (float& value : values) value = std::clamp(value, -limit, limit);
  z.upload(values.data());
}

void note(std::vector<Search>& searches, const Tensor& z, const std::vector<double>& errors, bool on_path) {
  const std::vector<Latent> latents = to_latents(z);
  for (size_t i = 0; i < searches.size(); ++i) {
    Search& search = searches[i];
    if (search.errors.empty() || errors[i] < search.error) {
      search.error = errors[i];
      search.z = latents[i];
    }
    search.errors.push_back(errors[i]);
    if (on_path) search.path.push_back(latents[i]);
  }
}

}  // namespace

std::vector<Search> invert(nn::Module& generator, const Tensor& targets, const std::vector<Latent>& starts,
                           const InversionOptions& options,
                           const std::function<void(int64_t done, double error)>& progress) {
  std::vector<Search> searches(starts.size());
  Tensor z = to_tensor(starts, targets.device());
  if (options.bound > 0) keep_within(z, options.bound);  // a start may be the best that is met
  z.set_requires_grad(true);
  Optimizer optimizer = adam({z}, {"z"}, {.lr = options.lr});
  const double per_value = static_cast<double>(targets.dim(0)) / static_cast<double>(targets.numel());
  for (int64_t step = 0;; ++step) {
    const Tensor pictures = generator(z);
    check(pictures.shape() == targets.shape(), "the pictures to find have the shape ", targets.shape(),
          ", this checkpoint's ", pictures.shape());
    const Tensor differences = sub(pictures, targets);
    const bool last = step == options.steps;
    note(searches, z, errors_of(differences.detach()),
         options.path_every > 0 && (last || step % options.path_every == 0));
    if (progress && step > 0) {
      double least = std::numeric_limits<double>::infinity();
      for (const Search& search : searches) least = std::min(least, search.error);
      progress(step, least);
    }
    if (last) return searches;
    // The sum over the pictures of each one's mean: none feels how many are sought beside it.
    optimizer.zero_grad();
    backward(scale(sum(mul(differences, differences)), per_value));
    const double done = static_cast<double>(step) / static_cast<double>(options.steps);
    optimizer.set_lr(0.5 * options.lr * (1 + std::cos(std::numbers::pi * done)));
    optimizer.step();
    if (options.bound > 0) keep_within(z, options.bound);
  }
}

}  // namespace duel::latent
