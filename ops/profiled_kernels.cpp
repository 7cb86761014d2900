#include "ops/profiled_kernels.h"

#include <cxxabi.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <typeinfo>
#include <vector>

#include "lib/allocator.h"
#include "lib/error.h"
#include "lib/profile.h"

namespace duel {
namespace {

/// The name of the alternative that a variant of functors holds: "LeakyRelu".
template <class Functor>
std::string name_of(const Functor& functor) {
  return std::visit(
      [](const auto& held) {
        int status = 0;
        const std::unique_ptr<char, void (*)(void*)> name(
            abi::__cxa_demangle(typeid(held).name(), nullptr, nullptr, &status), std::free);
        const std::string text = status == 0 ? name.get() : typeid(held).name();
        return text.substr(text.rfind(':') + 1);
      },
      functor);
}

std::string describe(const Conv2dShape& s) {
  return concat("x ", s.n, 'x', s.ih, 'x', s.iw, 'x', s.ic, ", y ", s.oh, 'x', s.ow, 'x', s.oc, ", kernel ",
                s.kh, 'x', s.kw, ", stride ", s.stride_h);
}

double flops_of(const Conv2dShape& shape) { return 2 * static_cast<double>(shape.multiply_adds()); }

}  // namespace

template <class Run>
void ProfiledKernels::timed(const char* kernel, const std::string& detail, double flops,
                            const std::vector<Tensor>& tensors, const Run& run) {
  if (!Profile::active()) return run();  // whoever calls took the backend while there was a profile
  Profile& profile = *Profile::active();
  Profile::Call call{.kernel = kernel, .detail = detail, .flops = flops};
  for (const Tensor& tensor : tensors) {
    if (tensor.defined()) call.bytes += static_cast<double>(tensor.bytes());
  }
  backend_.synchronize();
  call.start = profile.now();
  run();
  backend_.synchronize();
  call.end = profile.now();
  call.memory_in_use = backend_.allocator().stats().bytes_in_use;
  profile.record(call);
}

void ProfiledKernels::copy(const Tensor& source, const Tensor& target) {
  timed("copy", target.shape().str(), 0, {source, target}, [&] { backend_.copy(source, target); });
}

void ProfiledKernels::upload(const void* host, const Tensor& target) {
  timed("upload", target.shape().str(), 0, {target}, [&] { backend_.upload(host, target); });
}

void ProfiledKernels::download(const Tensor& source, void* host) {
  timed("download", source.shape().str(), 0, {source}, [&] { backend_.download(source, host); });
}

std::unique_ptr<Kernels::Download> ProfiledKernels::start_download(const Tensor& source) {
  std::unique_ptr<Download> download;
  timed("start_download", source.shape().str(), 0, {source},
        [&] { download = backend_.start_download(source); });
  return download;
}

void ProfiledKernels::fill(const Tensor& x, double value) {
  timed("fill", x.shape().str(), 0, {x}, [&] { backend_.fill(x, value); });
}

void ProfiledKernels::random(const Distribution& distribution, uint64_t seed, uint64_t stream,
                             const Tensor& position, const Tensor& x) {
  timed("random", concat(name_of(distribution), ' ', x.shape()), 0, {position, x},
        [&] { backend_.random(distribution, seed, stream, position, x); });
}

void ProfiledKernels::pixels_to_float(const Tensor& pixels, const Tensor& y) {
  timed("pixels_to_float", y.shape().str(), 0, {pixels, y}, [&] { backend_.pixels_to_float(pixels, y); });
}

void ProfiledKernels::pick_pictures(const Tensor& set, const Tensor& order, const PictureFlips& flips,
                                    const Tensor& y) {
  // Of the set, what one batch takes: a byte an element.
  timed("pick_pictures", y.shape().str(), 0, {order, y},
        [&] { backend_.pick_pictures(set, order, flips, y); });
}

void ProfiledKernels::unary(const Unary& f, const Tensor& x, const Tensor& y) {
  timed("unary", concat(name_of(f), ' ', y.shape()), 0, {x, y}, [&] { backend_.unary(f, x, y); });
}

void ProfiledKernels::unary_grad(const Unary& f, const Tensor& saved, const Tensor& dy, const Tensor& dx,
                                 Write write) {
  timed("unary_grad", concat(name_of(f), ' ', dx.shape()), 0, {saved, dy, dx},
        [&] { backend_.unary_grad(f, saved, dy, dx, write); });
}

void ProfiledKernels::binary(const Binary& f, const Tensor& a, const Tensor& b, const Tensor& y) {
  timed("binary", concat(name_of(f), ' ', y.shape()), 0, {a, b, y}, [&] { backend_.binary(f, a, b, y); });
}

void ProfiledKernels::multiply_accumulate(const Tensor& a, const Tensor* b, double factor, const Tensor& y,
                                          Write write) {
  timed("multiply_accumulate", y.shape().str(), 0, {a, b ? *b : Tensor(), y},
        [&] { backend_.multiply_accumulate(a, b, factor, y, write); });
}

void ProfiledKernels::cast(const Tensor& x, const Tensor& y, Write write) {
  timed("cast", concat(duel::name_of(x.dtype()), " to ", duel::name_of(y.dtype()), ' ', y.shape()), 0, {x, y},
        [&] { backend_.cast(x, y, write); });
}

void ProfiledKernels::write_form(const Tensor& x, Form form, const Tensor& copy) {
  timed("write_form", concat(x.shape(), " for products"), 0, {x, copy},
        [&] { backend_.write_form(x, form, copy); });
}

void ProfiledKernels::permute(const Tensor& x, std::span<const int> dims, const Tensor& y, Write write) {
  timed("permute", concat(x.shape(), " to ", y.shape()), 0, {x, y},
        [&] { backend_.permute(x, dims, y, write); });
}

void ProfiledKernels::copy_runs(const Runs& runs, const Tensor& x, const Tensor& y, Write write) {
  timed("copy_runs", concat(runs.count, " of ", runs.length), 0, {x, y},
        [&] { backend_.copy_runs(runs, x, y, write); });
}

void ProfiledKernels::sum(const Tensor& x, double factor, const Tensor& y, Write write) {
  timed("sum", x.shape().str(), 0, {x, y}, [&] { backend_.sum(x, factor, y, write); });
}

void ProfiledKernels::sum_rows(const Tensor& x, const Tensor& y, Write write) {
  timed("sum_rows", x.shape().str(), 0, {x, y}, [&] { backend_.sum_rows(x, y, write); });
}

void ProfiledKernels::broadcast(const Tensor& x, double factor, const Tensor& y, Write write) {
  timed("broadcast", y.shape().str(), 0, {x, y}, [&] { backend_.broadcast(x, factor, y, write); });
}

void ProfiledKernels::add_bias(const Tensor& bias, const Tensor& y) {
  timed("add_bias", y.shape().str(), 0, {bias, y}, [&] { backend_.add_bias(bias, y); });
}

void ProfiledKernels::gemm(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b,
                           const Tensor& y, Write write) {
  const int64_t k = a.dim(transpose_a ? 0 : 1);
  timed("gemm", concat(a.shape(), transpose_a ? "^T " : " ", b.shape(), transpose_b ? "^T" : ""),
        2 * static_cast<double>(y.numel() * k), {a, b, y},
        [&] { backend_.gemm(transpose_a, transpose_b, a, b, y, write); });
}

void ProfiledKernels::conv2d_fprop(const Conv2dShape& shape, const Tensor& x, const Tensor& weight,
                                   const Tensor& y, Write write) {
  timed("conv2d_fprop", describe(shape), flops_of(shape), {x, weight, y},
        [&] { backend_.conv2d_fprop(shape, x, weight, y, write); });
}

void ProfiledKernels::conv2d_dgrad(const Conv2dShape& shape, const Tensor& dy, const Tensor& weight,
                                   const Tensor& dx, Write write) {
  timed("conv2d_dgrad", describe(shape), flops_of(shape), {dy, weight, dx},
        [&] { backend_.conv2d_dgrad(shape, dy, weight, dx, write); });
}

void ProfiledKernels::conv2d_wgrad(const Conv2dShape& shape, const Tensor& x, const Tensor& dy,
                                   const Tensor& dw, Write write) {
  timed("conv2d_wgrad", describe(shape), flops_of(shape), {x, dy, dw},
        [&] { backend_.conv2d_wgrad(shape, x, dy, dw, write); });
}

void ProfiledKernels::conv2d_fprop_fused(const Conv2dShape& shape, const Tensor& x, const Tensor& weight,
                                         const Tensor* bias, const Unary* f, const Tensor& y) {
  timed("conv2d_fprop", describe(shape), flops_of(shape), {x, weight, y},
        [&] { backend_.conv2d_fprop_fused(shape, x, weight, bias, f, y); });
}

void ProfiledKernels::conv2d_dgrad_fused(const Conv2dShape& shape, const Tensor& dy, const Tensor& weight,
                                         const Tensor* bias, const Unary* f, const Tensor& dx) {
  timed("conv2d_dgrad", describe(shape), flops_of(shape), {dy, weight, dx},
        [&] { backend_.conv2d_dgrad_fused(shape, dy, weight, bias, f, dx); });
}

void ProfiledKernels::batch_norm_forward_fused(const Tensor& x, const Tensor& mean, const Tensor& variance,
                                               double eps, const Tensor& weight, const Tensor& bias,
                                               const Unary& f, const Tensor& y) {
  timed("batch_norm_forward", x.shape().str() + ", " + name_of(f), 0, {x, mean, variance, weight, bias, y},
        [&] { backend_.batch_norm_forward_fused(x, mean, variance, eps, weight, bias, f, y); });
}

void ProfiledKernels::batch_norm_backward_fused(const Tensor& x, const Tensor& y, const Tensor& dy,
                                                const Tensor& mean, const Tensor& variance, double eps,
                                                const Tensor& weight, const Tensor& bias, const Unary& f,
                                                bool training, const Tensor& dweight, const Tensor& dbias,
                                                const Tensor* dx, Write write) {
  timed("batch_norm_backward", x.shape().str() + ", " + name_of(f), 0,
        {x, y, dy, mean, variance, weight, dweight, dbias, dx ? *dx : Tensor()}, [&] {
          backend_.batch_norm_backward_fused(x, y, dy, mean, variance, eps, weight, bias, f, training,
                                             dweight, dbias, dx, write);
        });
}

void ProfiledKernels::batch_norm_statistics(const Tensor& x, const Tensor& mean, const Tensor& variance,
                                            const RunningStatistics* running) {
  timed("batch_norm_statistics", x.shape().str(), 0,
        {x, mean, variance, running ? running->mean : Tensor(), running ? running->variance : Tensor()},
        [&] { backend_.batch_norm_statistics(x, mean, variance, running); });
}

void ProfiledKernels::batch_norm_forward(const Tensor& x, const Tensor& mean, const Tensor& variance,
                                         double eps, const Tensor& weight, const Tensor& bias,
                                         const Tensor& y) {
  timed("batch_norm_forward", x.shape().str(), 0, {x, mean, variance, weight, bias, y},
        [&] { backend_.batch_norm_forward(x, mean, variance, eps, weight, bias, y); });
}

void ProfiledKernels::batch_norm_backward_sums(const Tensor& x, const Tensor& dy, const Tensor& mean,
                                               const Tensor& variance, double eps, const Tensor& dweight,
                                               const Tensor& dbias) {
  timed("batch_norm_backward_sums", x.shape().str(), 0, {x, dy, mean, variance, dweight, dbias},
        [&] { backend_.batch_norm_backward_sums(x, dy, mean, variance, eps, dweight, dbias); });
}

void ProfiledKernels::batch_norm_backward_input(const Tensor& x, const Tensor& dy, const Tensor& mean,
                                                const Tensor& variance, double eps, const Tensor& weight,
                                                const Tensor& dweight, const Tensor& dbias, bool training,
                                                const Tensor& dx, Write write) {
  timed("batch_norm_backward_input", x.shape().str(), 0, {x, dy, mean, variance, weight, dweight, dbias, dx},
        [&] {
          backend_.batch_norm_backward_input(x, dy, mean, variance, eps, weight, dweight, dbias, training, dx,
                                             write);
        });
}

void ProfiledKernels::loss(const Loss& f, const Tensor& x, const Tensor& target, const Tensor& y) {
  timed("loss", concat(name_of(f), ' ', x.shape()), 0, {x, target, y},
        [&] { backend_.loss(f, x, target, y); });
}

void ProfiledKernels::loss_grad(const Loss& f, const Tensor& x, const Tensor& target, const Tensor& dy,
                                const Tensor& dx, Write write) {
  timed("loss_grad", concat(name_of(f), ' ', x.shape()), 0, {x, target, dy, dx},
        [&] { backend_.loss_grad(f, x, target, dy, dx, write); });
}

void ProfiledKernels::optimizer_step(const Update& update, std::span<const ParameterState> parameters,
                                     const Tensor& clock) {
  int64_t elements = 0;
  std::vector<Tensor> tensors{clock};
  for (const ParameterState& state : parameters) {
    elements += state.parameter.numel();
    tensors.insert(tensors.end(), {state.parameter, state.grad, state.a, state.b});
  }
  timed("optimizer_step",
        concat(name_of(update), ' ', elements, " parameters in ", parameters.size(), " tensors"), 0, tensors,
        [&] { backend_.optimizer_step(update, parameters, clock); });
}

Kernels& profiled(Kernels& backend) {
  thread_local std::map<Kernels*, ProfiledKernels> of_backend;
  return of_backend.try_emplace(&backend, backend).first->second;
}

}  // namespace duel
