#include "benchmarks/bench.h"

#include <algorithm>

#include "lib/random.h"

namespace duel::bench {
namespace {

Device chosen_device;
bool only_tried = false;

Tensor filled(const Tensor& tensor) {
  RandomStream(0, Stream::Check, device()).fill(tensor, Uniform{-1, 1});
  return tensor;
}

}  // namespace

Device device() { return chosen_device; }
void set_device(Device device) { chosen_device = device; }

bool dry_run() { return only_tried; }
void set_dry_run(bool on) { only_tried = on; }
int64_t pictures(int64_t of_recipe) { return only_tried ? 1 : of_recipe; }

double bytes_of(const std::vector<Tensor>& tensors) {
  double bytes = 0;
  for (const Tensor& tensor : tensors) {
    if (tensor.defined()) bytes += static_cast<double>(tensor.bytes());
  }
  return bytes;
}

void report(benchmark::State& state, const Work& work, double calls, double seconds) {
  if (dry_run()) return;
  const double gflops = 1e-9 * work.flops, gigabytes = 1e-9 * work.bytes, rate = calls / seconds;
  const double least_seconds =
      std::max(gflops / peaks(device()).multiply_add, gigabytes / peaks(device()).copy);
  if (gflops > 0) state.counters["GFLOP/s"] = gflops * rate;
  state.counters["GB/s"] = gigabytes * rate;
  state.counters["roof%"] = 100 * least_seconds * rate;
}

Tensor random_tensor(const Shape& shape) { return filled(empty_tensor(shape)); }

Tensor random_activations(const Shape& shape) { return filled(empty_activations(shape)); }

Tensor empty_activations(const Shape& shape) {
  return Tensor::empty(shape, kernels(device()).activation_type(), device());
}

Tensor full_tensor(const Shape& shape, double value) {
  return Tensor::full(shape, value, DType::Float32, device());
}

Tensor empty_tensor(const Shape& shape) { return Tensor::empty(shape, DType::Float32, device()); }

}  // namespace duel::bench
