// The one place that knows which backends there are.
//
// The CUDA backend is a shared library that is loaded when it is first asked for, so one program runs with
// and without CUDA. That library holds nothing of lib: the functions that it needs of it (of tensors,
// allocators, errors) it finds in the program, whose symbols are exported for that purpose. So there is one
// copy of each static object, whichever side uses it, and an Error thrown there is caught here.
#include <dlfcn.h>

#include <map>
#include <memory>
#include <mutex>

#include "lib/error.h"
#include "lib/kernels.h"
#include "lib/profile.h"
#include "ops/cpu/cpu_kernels.h"
#include "ops/profiled_kernels.h"

namespace duel {
namespace {

using Create = Kernels*(int device);

// Asking for it takes no time; the backend brings cuBLAS with it, which does.
bool has_driver() {
  void* const driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (driver) dlclose(driver);
  return driver != nullptr;
}

Create* load_cuda(Device device) {
  check(has_driver(), "[device] ", device, ": no NVIDIA driver is installed; use the CPU");
  const std::string library = "libduel_cuda.so";
  void* const handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const std::string why = dlerror();
    check(!why.starts_with(library + ": cannot open"), "[device] ", device, ": built without CUDA, ", library,
          " is not there; build with make CUDA=1 or use the CPU");
    fail("[device] ", device, ": the CUDA backend cannot be loaded, so use the CPU: ", why);
  }
  void* const create = dlsym(handle, "duel_cuda_create");
  check(create != nullptr, "[device] ", device, ": ", library,
        " is of another version; build both anew or use the CPU");
  return reinterpret_cast<Create*>(create);
}

Kernels& cuda_kernels(Device device) {
  static std::mutex mutex;
  static auto* const backends = new std::map<int, Kernels*>();
  const std::lock_guard lock(mutex);
  const auto found = backends->find(device.index);
  if (found != backends->end()) return *found->second;
  static Create* const create = load_cuda(device);
  return *backends->emplace(device.index, create(device.index)).first->second;
}

// Backends are never destroyed: tensors with static storage may give their memory back after they would be.
Kernels& backend(Device device) {
  static auto* const cpu = new cpu::CpuKernels();
  return device.kind == Device::Kind::Cpu ? *cpu : cuda_kernels(device);
}

}  // namespace

Kernels& kernels(Device device) { return Profile::active() ? profiled(backend(device)) : backend(device); }

bool cuda_available(std::string* why_not) {
  try {
    kernels({Device::Kind::Cuda, 0});
    return true;
  } catch (const Error& error) {
    if (why_not) *why_not = error.what();
    return false;
  }
}

Device fastest_device() { return cuda_available() ? Device{Device::Kind::Cuda, 0} : Device{}; }

}  // namespace duel
