// Inversion: the z whose picture comes closest to a given one, found by gradient descent through G.
#pragma once

#include <functional>
#include <vector>

#include "apps/latent/names.h"
#include "lib/tensor.h"
#include "ops/nn/module.h"

namespace duel::latent {

struct InversionOptions {
  int64_t steps = 1000;
  double lr = 0.1;   ///< Adam's first learning rate; it falls to 0 along half a cosine
  double bound = 1;  ///< components, the starts' too, are kept within -bound .. bound; 0: they are free.
                     ///< Usually Painter::usual_bound()
  int64_t path_every = 0;  ///< steps between two latents of Search::path; 0: none are kept
};

/// One descent.
struct Search {
  Latent z;                    ///< the best one met
  double error = 0;            ///< its error
  std::vector<double> errors;  ///< before the first step and after each one
  std::vector<Latent> path;    ///< on the way, the first and the last included
};

/// Descends from each of `starts` towards the picture of the same number in `targets` (N, H, W, C), values in
/// [-1, 1], all side by side. An error is the root of the mean squared difference over a picture's values, in
/// grey levels 0 .. 255. G is in evaluation mode and frozen. `progress`, where given, hears after each step
/// how many are done and the least error so far. Throws Error if a picture of G has another shape than a
/// target.
std::vector<Search> invert(nn::Module& generator, const Tensor& targets, const std::vector<Latent>& starts,
                           const InversionOptions& options,
                           const std::function<void(int64_t done, double error)>& progress = {});

}  // namespace duel::latent
