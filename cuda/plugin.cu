// The only symbol that the program asks of this shared library.
#include "cuda/cuda_kernels.h"
#include "cuda/kernel_order.cuh"

namespace duel::cuda {
namespace {

__global__ void probe_kernel() { begin_kernel(); }

/// The compute capability, 90 for 9.0, of the code that the device runs. Throws Error, one line that says
/// what to do, unless kernels of this build can run there.
int code_for(int device) {
  const std::string name = Device{Device::Kind::Cuda, device}.str();
  int devices = 0;
  const cudaError_t answer = cudaGetDeviceCount(&devices);
  check(answer != cudaErrorNoDevice, "[device] ", name, ": no NVIDIA GPU was found; use the CPU");
  if (answer == cudaErrorInsufficientDriver) {
    int driver = 0, runtime = 0;
    DUEL_CUDA(cudaDriverGetVersion(&driver));
    DUEL_CUDA(cudaRuntimeGetVersion(&runtime));
    const auto version = [](int number) { return concat(number / 1000, ".", number % 1000 / 10); };
    check(driver != 0, "[device] ", name, ": no NVIDIA driver is installed; use the CPU");
    fail("[device] ", name, ": the NVIDIA driver is for CUDA ", version(driver), ", this build needs CUDA ",
         version(runtime), "; update the driver or use the CPU");
  }
  expect(answer, "cudaGetDeviceCount()");
  check(device >= 0 && device < devices, "[device] ", name, ": there ",
        devices == 1 ? "is 1 GPU" : concat("are ", devices, " GPUs"),
        ", numbered from 0; use one of them or the CPU");

  DUEL_CUDA(cudaSetDevice(device));
  cudaFuncAttributes attributes{};
  if (const cudaError_t code = cudaFuncGetAttributes(&attributes, probe_kernel); code != cudaSuccess) {
    cudaGetLastError();
    int major = 0, minor = 0;
    DUEL_CUDA(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
    DUEL_CUDA(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device));
    check(code != cudaErrorNoKernelImageForDevice && code != cudaErrorInvalidDeviceFunction, "[device] ",
          name, ": this build has no code for compute capability ", major, ".", minor,
          "; build with -DCMAKE_CUDA_ARCHITECTURES=", major, minor, " or use the CPU");
    expect(code, "cudaFuncGetAttributes()");
  }
  return attributes.ptxVersion;
}

}  // namespace
}  // namespace duel::cuda

/// The backend of a device, which the caller owns. Throws Error, saying why, where it cannot be used.
extern "C" __attribute__((visibility("default"))) duel::Kernels* duel_cuda_create(int device) {
  return new duel::cuda::CudaKernels(device, duel::cuda::code_for(device));
}
