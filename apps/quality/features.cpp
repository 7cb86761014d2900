#include "apps/quality/features.h"

#include <algorithm>

#include "lib/autograd.h"
#include "ops/nn/init.h"

namespace duel::quality {
namespace {

constexpr int64_t first_width = 32, last_side = 4, positions = last_side * last_side;
constexpr uint64_t weights_seed = 20200713;

}  // namespace

RandomFeatures::RandomFeatures(int64_t image_size, int64_t channels) : width_(channels) {
  int64_t out = first_width;
  for (int64_t side = image_size; side > last_side; side /= 2, out *= 2) {
    const nn::ConvOptions halving{.stride = {2, 2}, .padding = {1, 1}, .bias = false};
    convolutions_.add<nn::Conv2d>(width_, out, Pair{4, 4}, halving).add<nn::ReLU>();
    width_ = out;
  }
  RandomStream weights(weights_seed, Stream::Weights);
  nn::init_normal(convolutions_, 0.05, weights);
}

Tensor RandomFeatures::operator()(const Tensor& pictures) {
  constexpr int64_t at_a_time = 128;
  const NoGrad no_graph;
  const int64_t count = pictures.dim(0);
  const Tensor features = Tensor::zeros({count, width_});
  for (int64_t first = 0; first < count; first += at_a_time) {
    const int64_t n = std::min(at_a_time, count - first);
    const Tensor maps = convolutions_(pictures.rows(first, n));  // (n, 4, 4, width)
    for (int64_t i = 0; i < n * positions; ++i) {
      const float* const from = maps.data<float>() + i * width_;
      float* const to = features.data<float>() + (first + i / positions) * width_;
      for (int64_t c = 0; c < width_; ++c) to[c] += from[c] / positions;
    }
  }
  return features;
}

}  // namespace duel::quality
