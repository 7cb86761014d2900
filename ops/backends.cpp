// The one place that knows which backends there are.
#include "lib/error.h"
#include "lib/kernels.h"
#include "lib/profile.h"
#include "ops/cpu/cpu_kernels.h"
#include "ops/profiled_kernels.h"

namespace duel {
namespace {

Kernels& backend(Device device) {
  // Never destroyed: tensors with static storage may give their memory back after it would have been.
  static auto* const cpu = new cpu::CpuKernels();
  if (device.kind == Device::Kind::Cpu) return *cpu;
  fail("[device] ", device, ": built without CUDA; use --device cpu");
}

}  // namespace

Kernels& kernels(Device device) { return Profile::active() ? profiled(backend(device)) : backend(device); }

}  // namespace duel
