// A choice of convolution for the length of a scope.
#pragma once

#include "lib/kernels.h"

namespace duel {

class WithConvAlgorithm {
 public:
  explicit WithConvAlgorithm(ConvAlgorithm algorithm, Device device = {})
      : kernels_(kernels(device)), before_(kernels_.conv_algorithm()) {
    kernels_.set_conv_algorithm(algorithm);
  }
  ~WithConvAlgorithm() { kernels_.set_conv_algorithm(before_); }
  WithConvAlgorithm(const WithConvAlgorithm&) = delete;
  WithConvAlgorithm& operator=(const WithConvAlgorithm&) = delete;

 private:
  Kernels& kernels_;
  ConvAlgorithm before_;
};

}  // namespace duel
