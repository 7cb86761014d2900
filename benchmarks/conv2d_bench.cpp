// Every different convolution of the two recipes, each kernel, by both algorithms. A transposed convolution
// is the same geometry with dgrad as its forward and fprop as its input's gradient.
#include <vector>

#include "benchmarks/bench.h"
#include "lib/error.h"
#include "lib/kernels.h"
#include "tests/with_conv_algorithm.h"

namespace duel::bench {
namespace {

struct Layer {
  const char* name;  // recipe and layers; G's are transposed where they have a stride
  Conv2dShape shape;
};

Conv2dShape square(int64_t n, int64_t input, int64_t ic, int64_t output, int64_t oc, int64_t kernel,
                   int64_t stride, int64_t padding) {
  return {n, input, input, ic, output, output, oc, kernel, kernel, stride, stride, padding, padding};
}

const Layer layers[] = {
    {"celeba32/G1", square(256, 4, 256, 2, 512, 4, 2, 1)},
    {"celeba32/G2=D3", square(256, 8, 128, 4, 256, 4, 2, 1)},
    {"celeba32/G3=D2", square(256, 16, 64, 8, 128, 4, 2, 1)},
    {"celeba32/G4=D1", square(256, 32, 3, 16, 64, 4, 2, 1)},
    {"anime64/G1", square(32, 32, 128, 32, 256, 5, 1, 2)},
    {"anime64/G2", square(32, 64, 256, 32, 256, 4, 2, 1)},
    {"anime64/G3=G4", square(32, 64, 256, 64, 256, 5, 1, 2)},
    {"anime64/G5", square(32, 64, 256, 64, 3, 7, 1, 3)},
    {"anime64/D1", square(32, 64, 3, 62, 128, 3, 1, 0)},
    {"anime64/D2", square(32, 62, 128, 30, 128, 4, 2, 0)},
    {"anime64/D3", square(32, 30, 128, 14, 128, 4, 2, 0)},
    {"anime64/D4", square(32, 14, 128, 6, 128, 4, 2, 0)},
};

enum class Kernel { Fprop, Dgrad, Wgrad };
constexpr const char* kernel_names[] = {"fprop", "dgrad", "wgrad"};

void run(benchmark::State& state, const Conv2dShape& s, Kernel kernel, ConvAlgorithm algorithm) {
  const WithConvAlgorithm chosen(algorithm, device());
  Kernels& k = kernels(device());
  const Tensor x = random_activations({s.n, s.ih, s.iw, s.ic}),
               weight = random_tensor({s.oc, s.kh, s.kw, s.ic}),
               y = random_activations({s.n, s.oh, s.ow, s.oc});
  const Tensor factor = weight_for(x, weight);
  const Work work{2 * static_cast<double>(s.multiply_adds()),
                  bytes_of({x, kernel == Kernel::Wgrad ? weight : factor, y})};
  measure(state, work, [&] {
    if (kernel == Kernel::Fprop) k.conv2d_fprop(s, x, factor, y, Write::Set);
    if (kernel == Kernel::Dgrad) k.conv2d_dgrad(s, y, factor, x, Write::Set);
    if (kernel == Kernel::Wgrad) k.conv2d_wgrad(s, x, y, weight, Write::Set);
  });
}

}  // namespace

void add_conv2d_benchmarks() {
  for (const Layer& layer : layers) {
    Conv2dShape shape = layer.shape;
    shape.n = pictures(shape.n);
    for (const Kernel kernel : {Kernel::Fprop, Kernel::Dgrad, Kernel::Wgrad}) {
      for (const ConvAlgorithm algorithm :
           {ConvAlgorithm::Filtered, ConvAlgorithm::Implicit, ConvAlgorithm::Im2col}) {
        if (algorithm == ConvAlgorithm::Filtered && device() != Device{}) continue;  // Implicit there
        const std::string name = concat("conv2d_", kernel_names[static_cast<size_t>(kernel)], '/', layer.name,
                                        '/', conv_algorithm_name(algorithm));
        add(name,
            [shape, kernel, algorithm](benchmark::State& state) { run(state, shape, kernel, algorithm); });
      }
    }
  }
}

}  // namespace duel::bench
