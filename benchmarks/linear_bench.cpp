// The fully connected layers of the two recipes: y = x W^T, dx = dy W, dW = dy^T x.
#include "benchmarks/bench.h"
#include "lib/error.h"
#include "lib/kernels.h"
#include "tests/with_conv_algorithm.h"

namespace duel::bench {
namespace {

struct Layer {
  const char* name;
  int64_t batch, in, out;
};

constexpr Layer layers[] = {
    {"celeba32/G", 256, 100, 2048},
    {"celeba32/D", 256, 4096, 1},
    {"anime64/G", 32, 64, 131072},
    {"anime64/D", 32, 4608, 1},
};

enum class Kernel { Forward, Dx, Dw };
constexpr const char* kernel_names[] = {"forward", "dx", "dW"};

void run(benchmark::State& state, const Layer& layer, Kernel kernel, ConvAlgorithm algorithm) {
  const WithConvAlgorithm chosen(algorithm, device());
  Kernels& k = kernels(device());
  const Tensor x = random_activations({layer.batch, layer.in}), weight = random_tensor({layer.out, layer.in}),
               y = random_activations({layer.batch, layer.out});
  const Tensor factor = weight_for(x, weight);
  const Work work{2 * static_cast<double>(layer.batch * layer.in * layer.out),
                  bytes_of({x, kernel == Kernel::Dw ? weight : factor, y})};
  measure(state, work, [&] {
    if (kernel == Kernel::Forward) k.gemm(false, true, x, factor, y, Write::Set);
    if (kernel == Kernel::Dx) k.gemm(false, false, y, factor, x, Write::Set);
    if (kernel == Kernel::Dw) k.gemm(true, false, y, x, weight, Write::Set);
  });
}

}  // namespace

void add_linear_benchmarks() {
  for (Layer layer : layers) {
    layer.batch = pictures(layer.batch);
    for (const Kernel kernel : {Kernel::Forward, Kernel::Dx, Kernel::Dw}) {
      for (const ConvAlgorithm algorithm : {ConvAlgorithm::Implicit, ConvAlgorithm::Im2col}) {
        if (algorithm == ConvAlgorithm::Implicit && device() != Device{})
          continue;  // has no product of its own
        const std::string name = concat("linear_", kernel_names[static_cast<size_t>(kernel)], '/', layer.name,
                                        algorithm == ConvAlgorithm::Implicit ? "/own"
                                        : device() == Device{}               ? "/OpenBLAS"
                                                                             : "/cuBLAS");
        add(name,
            [layer, kernel, algorithm](benchmark::State& state) { run(state, layer, kernel, algorithm); });
      }
    }
  }
}

}  // namespace duel::bench
