// A choice of convolution for the length of a scope.
#pragma once

#include "lib/kernels.h"

namespace duel {

class WithConvAlgorithm {
 public:
  explicit WithConvAlgorithm(ConvAlgorithm algorithm) : before_(kernels({}).conv_algorithm()) {
    kernels({}).set_conv_algorithm(algorithm);
  }
  ~WithConvAlgorithm() { kernels({}).set_conv_algorithm(before_); }
  WithConvAlgorithm(const WithConvAlgorithm&) = delete;
  WithConvAlgorithm& operator=(const WithConvAlgorithm&) = delete;

 private:
  ConvAlgorithm before_;
};

}  // namespace duel
