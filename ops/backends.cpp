// The one place that knows which backends there are.
#include "lib/error.h"
#include "lib/kernels.h"
#include "ops/cpu/cpu_kernels.h"

namespace duel {

Kernels& kernels(Device device) {
  // Never destroyed: tensors with static storage may give their memory back after it would have been.
  static auto* const cpu = new cpu::CpuKernels();
  if (device.kind == Device::Kind::Cpu) return *cpu;
  fail("[device] ", device, ": built without CUDA; use --device cpu");
}

}  // namespace duel
