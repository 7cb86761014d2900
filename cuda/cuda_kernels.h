// The CUDA backend: kernels of its own, and cuBLAS for the products. All of it runs on one device in the
// order of the calls, but for what is given to beside(), which has a second lane (cuda/queue.h).
#pragma once

#include <memory>
#include <string>

#include "cuda/device_allocator.h"
#include "cuda/matmul.h"
#include "cuda/queue.h"
#include "cuda/recording.h"
#include "cuda/reduction_space.h"
#include "cuda/staging.h"
#include "lib/kernels.h"

namespace duel::cuda {

class CudaKernels final : public Kernels {
 public:
  /// `code` as for Queue. Throws Error, saying why, if the device cannot be used.
  CudaKernels(int device, int code);

  void set_precision(Precision precision) override;
  void set_conv_algorithm(ConvAlgorithm algorithm) override;
  bool trains_in_bf16() const override { return queue_.code() >= ampere; }
  bool joins_batches() const override { return true; }
  bool takes_pictures_as_they_lie() const override { return true; }
  bool keeps_forms() const override { return queue_.lane() == 0 && !recorder_.in_use(); }
  DType activation_type() const override {
    return precision_ == Precision::Bf16 ? DType::BFloat16 : DType::Float32;
  }
  std::string description() const override;
  CachingAllocator& allocator() override { return allocator_; }
  void synchronize() override;

  void beside(const std::function<void()>& work) override;
  bool runs_beside() const override { return queue_.has_second_lane(); }
  void join() override;
  std::unique_ptr<Recording> record(const std::function<void()>& work) override;

  void copy(const Tensor& source, const Tensor& target) override;
  void upload(const void* host, const Tensor& target) override;
  void download(const Tensor& source, void* host) override;
  std::unique_ptr<Download> start_download(const Tensor& source) override;
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

  void write_form(const Tensor& x, Form form, const Tensor& copy) override;

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

  void batch_norm_forward_fused(const Tensor& x, const Tensor& mean, const Tensor& variance, double eps,
                                const Tensor& weight, const Tensor& bias, const Unary& f,
                                const Tensor& y) override;
  void batch_norm_backward_fused(const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& mean,
                                 const Tensor& variance, double eps, const Tensor& weight, const Tensor& bias,
                                 const Unary& f, bool training, const Tensor& dweight, const Tensor& dbias,
                                 const Tensor* dx, Write write) override;

  void loss(const Loss& f, const Tensor& x, const Tensor& target, const Tensor& y) override;
  void loss_grad(const Loss& f, const Tensor& x, const Tensor& target, const Tensor& dy, const Tensor& dx,
                 Write write) override;

  void optimizer_step(const Update& update, std::span<const ParameterState> parameters,
                      const Tensor& clock) override;

 private:
  /// With 8.0 came the coarser precisions of the tensor cores, and what products of our own are made of.
  static constexpr int ampere = 80;

  /// Whether a convolution takes the way without a stored matrix.
  bool implicit(const Conv2dShape& shape, DType dtype) const;
  void end_holding();

  Precision precision_ = Precision::Float32;
  Queue queue_;
  DeviceAllocator allocator_;
  ReductionSpace reductions_;
  PageLockedAllocator page_locked_;
  Staging staging_;
  Recorder recorder_;
  Blas blas_;
};

}  // namespace duel::cuda
