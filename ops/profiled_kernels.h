// A backend's kernels, timed: each call goes on to the backend and is recorded in this thread's Profile.
#pragma once

#include <string>
#include <vector>

#include "lib/kernels.h"

namespace duel {

/// Every kernel waits for the device when it is done, so that its time is its own. Overrides every method of
/// Kernels: one that has a default there would otherwise run that instead of the backend's.
class ProfiledKernels final : public Kernels {
 public:
  explicit ProfiledKernels(Kernels& backend) : backend_(backend) {}

  void set_conv_algorithm(ConvAlgorithm algorithm) override { backend_.set_conv_algorithm(algorithm); }
  ConvAlgorithm conv_algorithm() const override { return backend_.conv_algorithm(); }
  void set_precision(Precision precision) override { backend_.set_precision(precision); }
  bool trains_in_bf16() const override { return backend_.trains_in_bf16(); }
  bool joins_batches() const override { return backend_.joins_batches(); }
  bool takes_pictures_as_they_lie() const override { return backend_.takes_pictures_as_they_lie(); }
  bool keeps_forms() const override { return backend_.keeps_forms(); }
  DType activation_type() const override { return backend_.activation_type(); }
  std::string description() const override { return backend_.description(); }
  CachingAllocator& allocator() override { return backend_.allocator(); }
  void synchronize() override { backend_.synchronize(); }
  /// Nothing runs beside other work, nor is it recorded: the kernels could not be timed one by one.
  void beside(const std::function<void()>& work) override { work(); }
  bool runs_beside() const override { return false; }
  void join() override {}
  std::unique_ptr<Recording> record(const std::function<void()>&) override { return nullptr; }

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
  /// Runs the kernel and records it; `tensors` are what it reads and writes.
  template <class Run>
  void timed(const char* kernel, const std::string& detail, double flops, const std::vector<Tensor>& tensors,
             const Run& run);

  Kernels& backend_;
};

/// The ProfiledKernels of this thread on `backend`.
Kernels& profiled(Kernels& backend);

}  // namespace duel
