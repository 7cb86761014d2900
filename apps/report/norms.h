// norms.csv: how large each layer's weights and gradients are.
#pragma once

#include <string>
#include <vector>

#include "apps/gan/run_folder.h"
#include "apps/gan/trainer.h"

namespace duel::report {

/// The Euclidean norms over all parameters of a layer.
struct LayerNorms {
  std::string layer;  ///< "G.layer_1.0", as the checkpoint's names begin
  double weight = 0;
  double gradient = 0;  ///< of the last step taken; 0 before the first one
};

/// The layers that have parameters, first G's, then D's. Computed on the trainer's device.
std::vector<LayerNorms> layer_norms(gan::Trainer& trainer);

/// Appends a row for each layer: step,layer,weight,gradient. The first call writes the head. Throws Error if
/// the file cannot be written.
void append_norms(const std::filesystem::path& path, int64_t step, const std::vector<LayerNorms>& norms);

}  // namespace duel::report
