#include "cuda/cuda_kernels.h"

namespace duel::cuda {

CudaKernels::CudaKernels(int device, int code)
    : queue_(device, code),
      allocator_(device, [this] { end_holding(); }),
      reductions_(queue_, allocator_),
      staging_(queue_, page_locked_),
      recorder_(queue_, allocator_, [this] { join(); }),
      blas_(queue_, allocator_) {
  set_conv_algorithm(ConvAlgorithm::Im2col);  // until the other was measured to be faster
}

void CudaKernels::set_precision(Precision precision) {
  check(precision == Precision::Float32 || queue_.code() >= ampere, "[precision] ", queue_.description(),
        ", running code for ", queue_.code() / 10, ".", queue_.code() % 10,
        ": TF32 and bfloat16 need compute capability 8.0 and code for it; use float32");
  precision_ = precision;
  blas_.set_precision(precision);
}

void CudaKernels::set_conv_algorithm(ConvAlgorithm algorithm) {
  Kernels::set_conv_algorithm(queue_.code() >= ampere ? algorithm : ConvAlgorithm::Im2col);
}

std::string CudaKernels::description() const {
  return concat("CUDA, ", queue_.description(), ", ", blas_.description());
}

void CudaKernels::synchronize() {
  recorder_.check_not_recording("waiting for the device");
  join();
  queue_.synchronize();
}

void CudaKernels::beside(const std::function<void()>& work) {
  constexpr int64_t most_held = 512 << 20;  // bytes: more is a matter of arrays that keep a card busy
  if (!runs_beside()) return work();
  if (allocator_.held_bytes() > most_held) join();
  allocator_.set_holding(true);
  queue_.beside(work);
}

void CudaKernels::join() {
  queue_.join();
  if (!queue_.forked()) allocator_.set_holding(false);
}

// What is on the second lane cannot be waited for there. But if each lane waits for what the other was given
// so far, held blocks may be handed out again on either.
void CudaKernels::end_holding() {
  if (queue_.lane() == 0) return join();
  queue_.meet();
  allocator_.set_holding(false);
  allocator_.set_holding(true);
}

std::unique_ptr<Kernels::Recording> CudaKernels::record(const std::function<void()>& work) {
  join();
  return recorder_.record([&] {
    try {
      work();
    } catch (...) {
      join_after_failure();
      throw;
    }
    join();
  });
}

}  // namespace duel::cuda
