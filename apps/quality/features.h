// Features of pictures by a fixed network that nobody trained.
#pragma once

#include "lib/tensor.h"
#include "ops/nn/layers.h"

namespace duel::quality {

/// Convolutions of 4 x 4 and stride 2 with ReLU down to 4 x 4 pixels (32, 64, 128, ... channels), no biases,
/// all weights drawn once and for ever from N(0, 0.05²), and each channel's mean over the positions: what is
/// in a picture, at several scales, more than where. Naeem et al. (2020, section 5) found random embeddings
/// to serve where no pre-trained network suits the pictures. The numbers taken from it (precision, recall,
/// density, coverage) only compare distances, so that the features' scale does not matter.
class RandomFeatures {
 public:
  RandomFeatures(int64_t image_size, int64_t channels);
  /// Pictures (N, S, S, C) on the CPU -> (N, 4 * S).
  Tensor operator()(const Tensor& pictures);

 private:
  nn::Sequential convolutions_;
  int64_t width_ = 0;
};

}  // namespace duel::quality
