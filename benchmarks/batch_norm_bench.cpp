// The batch normalisations of celeba32 at batch 256; anime64 has none.
#include "benchmarks/bench.h"
#include "lib/error.h"
#include "lib/kernels.h"

namespace duel::bench {
namespace {

struct Inputs {
  explicit Inputs(const Shape& shape)
      : x(random_activations(shape)),
        dy(random_activations(shape)),
        y(empty_activations(shape)),
        mean(full_tensor({shape[-1]}, 0)),
        variance(full_tensor({shape[-1]}, 1)),
        weight(full_tensor({shape[-1]}, 1)),
        bias(full_tensor({shape[-1]}, 0)),
        dweight(full_tensor({shape[-1]}, 0)),
        dbias(full_tensor({shape[-1]}, 0)) {}
  Tensor x, dy, y, mean, variance, weight, bias, dweight, dbias;
};

constexpr double eps = 1e-5;

void statistics(benchmark::State& state, const Shape& shape) {
  const Inputs in(shape);
  measure(state, {0, bytes_of({in.x})},
          [&] { kernels(device()).batch_norm_statistics(in.x, in.mean, in.variance, nullptr); });
}

void forward(benchmark::State& state, const Shape& shape) {
  const Inputs in(shape);
  measure(state, {0, bytes_of({in.x, in.y})}, [&] {
    kernels(device()).batch_norm_forward(in.x, in.mean, in.variance, eps, in.weight, in.bias, in.y);
  });
}

void backward_sums(benchmark::State& state, const Shape& shape) {
  const Inputs in(shape);
  measure(state, {0, bytes_of({in.x, in.dy})}, [&] {
    kernels(device()).batch_norm_backward_sums(in.x, in.dy, in.mean, in.variance, eps, in.dweight, in.dbias);
  });
}

void backward_input(benchmark::State& state, const Shape& shape) {
  const Inputs in(shape);
  measure(state, {0, bytes_of({in.x, in.dy, in.y})}, [&] {
    kernels(device()).batch_norm_backward_input(in.x, in.dy, in.mean, in.variance, eps, in.weight, in.dweight,
                                                in.dbias, true, in.y, Write::Set);
  });
}

}  // namespace

void add_batch_norm_benchmarks() {
  const struct {
    const char* name;
    void (*run)(benchmark::State&, const Shape&);
  } kernels_of_it[] = {{"statistics", statistics},
                       {"forward", forward},
                       {"backward_sums", backward_sums},
                       {"backward_input", backward_input}};
  const int64_t n = pictures(256);
  for (const Shape& shape : {Shape{n, 4, 4, 256}, Shape{n, 8, 8, 128}, Shape{n, 16, 16, 64}}) {
    for (const auto& kernel : kernels_of_it) {
      add(concat("batch_norm_", kernel.name, "/celeba32/", shape[1], 'x', shape[2], 'x', shape[3]),
          [run = kernel.run, shape](benchmark::State& state) { run(state, shape); });
    }
  }
}

}  // namespace duel::bench
