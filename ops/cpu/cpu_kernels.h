// The CPU backend: OpenMP loops; products by this project's own kernels or by OpenBLAS.
#pragma once

#include <memory>
#include <string>

#include "lib/allocator.h"
#include "lib/kernels.h"
#include "ops/cpu/cpu_features.h"

namespace duel::cpu {

class CpuKernels final : public Kernels {
 public:
  /// Throws Error where active_isa() does.
  CpuKernels();

  /// Bf16 is a property of the whole process, as the instruction set is, and of the fast path alone.
  void set_precision(Precision precision) override;
  std::string description() const override;
  CachingAllocator& allocator() override { return allocator_; }
  void synchronize() override {}

  void copy(const Tensor& source, const Tensor& target) override;
  void upload(const void* host, const Tensor& target) override;
  void download(const Tensor& source, void* host) override;
  void fill(const Tensor& x, double value) override;
  void random(const Distribution& distribution, uint64_t seed, uint64_t stream, const Tensor& position,
              const Tensor& x) override;
  void pixels_to_float(const Tensor& pixels, const Tensor& y) override;
  void pick_pictures(const Tensor& set, const Tensor& order, const PictureFlips& flips,
                     const Tensor& y) override;

  void unary(const Unary& f, const Tensor& x, const Tensor& y) override;
  void unary_grad(const Unary& f, const Tensor& saved, const Tensor& dy, const Tensor& dx,
                  Write write) override;
  void binary(const Binary& f, const Tensor& a, const Tensor& b, const Tensor& y) override;
  void multiply_accumulate(const Tensor& a, const Tensor* b, double factor, const Tensor& y,
                           Write write) override;
  void cast(const Tensor& x, const Tensor& y, Write write) override;

  void permute(const Tensor& x, std::span<const int> dims, const Tensor& y, Write write) override;
  void copy_runs(const Runs& runs, const Tensor& x, const Tensor& y, Write write) override;

  void sum(const Tensor& x, double factor, const Tensor& y, Write write) override;
  void sum_rows(const Tensor& x, const Tensor& y, Write write) override;
  void broadcast(const Tensor& x, double factor, const Tensor& y, Write write) override;
  void add_bias(const Tensor& bias, const Tensor& y) override;

  void gemm(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b, const Tensor& y,
            Write write) override;
  void conv2d_fprop(const Conv2dShape& shape, const Tensor& x, const Tensor& weight, const Tensor& y,
                    Write write) override;
  void conv2d_dgrad(const Conv2dShape& shape, const Tensor& dy, const Tensor& weight, const Tensor& dx,
                    Write write) override;
  void conv2d_wgrad(const Conv2dShape& shape, const Tensor& x, const Tensor& dy, const Tensor& dw,
                    Write write) override;

  void conv2d_fprop_fused(const Conv2dShape& shape, const Tensor& x, const Tensor& weight, const Tensor* bias,
                          const Unary* f, const Tensor& y) override;
  void conv2d_dgrad_fused(const Conv2dShape& shape, const Tensor& dy, const Tensor& weight,
                          const Tensor* bias, const Unary* f, const Tensor& dx) override;
  void batch_norm_forward_fused(const Tensor& x, const Tensor& mean, const Tensor& variance, double eps,
                                const Tensor& weight, const Tensor& bias, const Unary& f,
                                const Tensor& y) override;

  void batch_norm_backward_fused(const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& mean,
                                 const Tensor& variance, double eps, const Tensor& weight, const Tensor& bias,
                                 const Unary& f, bool training, const Tensor& dweight, const Tensor& dbias,
                                 const Tensor* dx, Write write) override;

  void batch_norm_statistics(const Tensor& x, const Tensor& mean, const Tensor& variance,
                             const RunningStatistics* running) override;
  void batch_norm_forward(const Tensor& x, const Tensor& mean, const Tensor& variance, double eps,
                          const Tensor& weight, const Tensor& bias, const Tensor& y) override;
  void batch_norm_backward_sums(const Tensor& x, const Tensor& dy, const Tensor& mean, const Tensor& variance,
                                double eps, const Tensor& dweight, const Tensor& dbias) override;
  void batch_norm_backward_input(const Tensor& x, const Tensor& dy, const Tensor& mean,
                                 const Tensor& variance, double eps, const Tensor& weight,
                                 const Tensor& dweight, const Tensor& dbias, bool training, const Tensor& dx,
                                 Write write) override;

  void loss(const Loss& f, const Tensor& x, const Tensor& target, const Tensor& y) override;
  void loss_grad(const Loss& f, const Tensor& x, const Tensor& target, const Tensor& dy, const Tensor& dx,
                 Write write) override;

  void optimizer_step(const Update& update, std::span<const ParameterState> parameters,
                      const Tensor& clock) override;

 private:
  /// Whether the fast path takes a product or convolution of this element type.
  bool implicit(DType dtype) const {
    return dtype == DType::Float32 && conv_algorithm() != ConvAlgorithm::Im2col;
  }

  /// Whether it takes a convolution by minimal filtering if that pays.
  bool filtered() const { return conv_algorithm() == ConvAlgorithm::Filtered; }

  HostAllocator allocator_;
};

/// The number of threads of all kernels from now on, OpenBLAS's included; at least 1.
void set_threads(int count);

}  // namespace duel::cpu
