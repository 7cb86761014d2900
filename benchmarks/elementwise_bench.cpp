// What works element by element, at the shapes of the two recipes: activations, losses, biases, layout,
// random numbers, pictures.
#include <array>
#include <functional>

#include "benchmarks/bench.h"
#include "lib/error.h"
#include "lib/kernels.h"
#include "lib/random.h"

namespace duel::bench {
namespace {

std::string named(const char* kernel, const char* recipe, const Shape& shape) {
  std::string name = concat(kernel, '/', recipe, '/');
  for (int i = 0; i < shape.dims(); ++i) name += concat(i ? "x" : "", shape[i]);
  return name;
}

void add_activation(const char* name, const Unary& f, const char* recipe, const Shape& shape) {
  add(named(name, recipe, shape), [f, shape](benchmark::State& state) {
    const Tensor x = random_activations(shape), y = empty_activations(shape);
    measure(state, {0, bytes_of({x, y})}, [&] { kernels(device()).unary(f, x, y); });
  });
  add(named(concat(name, "_grad").c_str(), recipe, shape), [f, shape](benchmark::State& state) {
    const Tensor saved = random_activations(shape), dy = random_activations(shape),
                 dx = empty_activations(shape);
    measure(state, {0, bytes_of({saved, dy, dx})},
            [&] { kernels(device()).unary_grad(f, saved, dy, dx, Write::Set); });
  });
}

void add_activations() {
  const int64_t celeba32 = pictures(256), anime64 = pictures(32);
  for (const Shape& shape :
       {Shape{celeba32, 4, 4, 256}, Shape{celeba32, 8, 8, 128}, Shape{celeba32, 16, 16, 64}}) {
    add_activation("relu", Relu{}, "celeba32", shape);
    add_activation("leaky_relu", LeakyRelu{0.01}, "celeba32", shape);
  }
  add_activation("tanh", Tanh{}, "celeba32", {celeba32, 32, 32, 3});
  for (const Shape& shape :
       {Shape{anime64, 32, 32, 256}, Shape{anime64, 64, 64, 256}, Shape{anime64, 62, 62, 128}})
    add_activation("leaky_relu", LeakyRelu{0.3}, "anime64", shape);
  add_activation("tanh", Tanh{}, "anime64", {anime64, 64, 64, 3});
}

void add_loss(const char* name, const Loss& f, const char* recipe, int64_t batch) {
  const Shape shape{batch, 1};
  add(named(name, recipe, shape), [f, shape](benchmark::State& state) {
    const Tensor x = full_tensor(shape, 0.3), target = full_tensor(shape, 1), y = empty_tensor({});
    measure(state, {0, bytes_of({x, target})}, [&] { kernels(device()).loss(f, x, target, y); });
  });
  add(named(concat(name, "_grad").c_str(), recipe, shape), [f, shape](benchmark::State& state) {
    const Tensor x = full_tensor(shape, 0.3), target = full_tensor(shape, 1), dy = full_tensor({}, 1),
                 dx = empty_tensor(shape);
    measure(state, {0, bytes_of({x, target, dx})},
            [&] { kernels(device()).loss_grad(f, x, target, dy, dx, Write::Set); });
  });
}

void add_biases(const char* recipe, const Shape& shape) {
  add(named("add_bias", recipe, shape), [shape](benchmark::State& state) {
    const Tensor y = random_activations(shape), bias = full_tensor({shape[-1]}, 0);
    measure(state, {0, 2 * bytes_of({y})}, [&] { kernels(device()).add_bias(bias, y); });
  });
  add(named("sum_rows", recipe, shape), [shape](benchmark::State& state) {
    const Tensor x = random_activations({shape.numel() / shape[-1], shape[-1]}),
                 y = full_tensor({shape[-1]}, 0);
    measure(state, {0, bytes_of({x})}, [&] { kernels(device()).sum_rows(x, y, Write::Set); });
  });
}

void add_permute(const char* name, const char* recipe, const Shape& shape, std::array<int, 4> dims) {
  add(named(name, recipe, shape), [shape, dims](benchmark::State& state) {
    const Tensor x = random_activations(shape);
    Shape permuted;
    for (const int dim : dims) permuted.append(shape[dim]);
    const Tensor y = empty_activations(permuted);
    measure(state, {0, bytes_of({x, y})}, [&] { kernels(device()).permute(x, dims, y, Write::Set); });
  });
}

void add_random(const char* name, const Distribution& distribution, const char* recipe, const Shape& shape) {
  add(named(name, recipe, shape), [distribution, shape](benchmark::State& state) {
    RandomStream stream(0, Stream::Check, device());
    const Tensor x = empty_activations(shape);
    measure(state, {0, bytes_of({x})}, [&] { stream.fill(x, distribution); });
  });
}

void add_pictures(const char* recipe, const Shape& shape) {
  add(named("pixels_to_float", recipe, shape), [shape](benchmark::State& state) {
    const Tensor pixels = Tensor::zeros(shape, DType::UInt8, device()), y = empty_tensor(shape);
    measure(state, {0, bytes_of({pixels, y})}, [&] { kernels(device()).pixels_to_float(pixels, y); });
  });
}

void add_arithmetic(const char* recipe, const Shape& shape) {
  add(named("multiply", recipe, shape), [shape](benchmark::State& state) {
    const Tensor a = random_activations(shape), b = random_activations(shape), y = empty_activations(shape);
    measure(state, {0, bytes_of({a, b, y})}, [&] { kernels(device()).binary(Multiply{}, a, b, y); });
  });
  add(named("accumulate", recipe, shape), [shape](benchmark::State& state) {
    const Tensor x = random_activations(shape), y = random_activations(shape);
    measure(state, {0, bytes_of({x, y, y})}, [&] { kernels(device()).accumulate(x, y, Write::Add); });
  });
  add(named("copy", recipe, shape), [shape](benchmark::State& state) {
    const Tensor x = random_activations(shape), y = empty_activations(shape);
    measure(state, {0, bytes_of({x, y})}, [&] { kernels(device()).copy(x, y); });
  });
}

}  // namespace

void add_elementwise_benchmarks() {
  const int64_t celeba32 = pictures(256), anime64 = pictures(32);
  add_activations();
  add_loss("bce_with_logits", BceWithLogits{}, "celeba32", celeba32);
  add_loss("bce", Bce{}, "anime64", anime64);
  add_biases("celeba32", {celeba32, 2048});
  add_biases("anime64", {anime64, 64, 64, 256});
  add_permute("permute_to_channels_last", "celeba32", {celeba32, 512, 2, 2}, {0, 2, 3, 1});
  add_permute("permute_to_channels_first", "celeba32", {celeba32, 4, 4, 256}, {0, 3, 1, 2});
  add_random("uniform", Uniform{-1, 1}, "celeba32", {celeba32, 100});
  add_random("normal", Normal{}, "anime64", {anime64, 64});
  add_random("dropout_mask", Bernoulli{0.6, 1 / 0.6}, "anime64", {anime64, 4608});
  add_arithmetic("anime64", {anime64, 4608});
  add_arithmetic("celeba32", {512, 4, 4, 256});
  add_pictures("celeba32", {celeba32, 32, 32, 3});
  add_pictures("anime64", {anime64, 64, 64, 3});
}

}  // namespace duel::bench
