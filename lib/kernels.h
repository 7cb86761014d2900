// What a backend implements. An operation in ops/ checks its arguments, allocates its output and calls these.
//
// Common to all methods: tensors are contiguous, defined, on this backend's device, of the shapes stated here
// (the callers have checked them), and of one floating type, float32 or float64, unless it says otherwise.
// Where activation_type() is bfloat16, so may be what flows between layers (x, y, dx, dy, saved, a, b; not in
// losses and sums to one number), and the weights of products with it; biases, statistics and the gradients
// of all parameters stay float32, and so does the arithmetic. Outputs are allocated by the caller and do not
// overlap inputs unless it says so. `Write` says whether an output is overwritten or added to. Nothing here
// waits for the device but download() and synchronize().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/conv2d_shape.h"
#include "lib/functors.h"
#include "lib/picture_flips.h"
#include "lib/random.h"
#include "lib/tensor.h"
#include "lib/write.h"

namespace duel {

class CachingAllocator;

/// One parameter with its gradient and its optimiser state, all of one shape; all may be changed in place.
struct ParameterState {
  Tensor parameter, grad, a;
  Tensor b{};  ///< undefined where the rule has none
};

/// Of the channels of a batch norm, changed in place; `momentum` is the weight of the batch.
struct RunningStatistics {
  Tensor mean, variance;
  double momentum;
};

/// How a convolution becomes a matrix product.
enum class ConvAlgorithm {
  Im2col,    ///< by the stored im2col matrix and the BLAS library: the plain way
  Implicit,  ///< the matrix never stored: its tiles are packed or fetched on the way into this project's own
             ///< product. Im2col is taken all the same by float64, and on a card by float32 at Bf16 and
             ///< before compute capability 8.0
  Filtered,  ///< Implicit, but kernels of twice the stride by minimal filtering (Winograd's) where the
             ///< backend has it: nine sixteenths of the multiplications, and sums in another order
};

constexpr const char* conv_algorithm_name(ConvAlgorithm algorithm) {
  return algorithm == ConvAlgorithm::Im2col     ? "im2col"
         : algorithm == ConvAlgorithm::Implicit ? "implicit"
                                                : "filtered";
}

/// How the factors of a float32 product are rounded. Sums are float32 in any case. What is not a product
/// (gemm and the convolutions) is not affected, but networks may store by it: see activation_type().
enum class Precision {
  Float32,  ///< not at all
  Tf32,     ///< to a mantissa of 10 bits
  Bf16,     ///< to a mantissa of 7 bits: bfloat16
};

class Kernels {
 public:
  virtual ~Kernels() = default;

  /// The precision from now on; Float32 until told otherwise. Throws Error where the device has not this one.
  virtual void set_precision(Precision precision) {
    check(precision == Precision::Float32, "[precision] ", description(), " multiplies in float32 only");
  }

  /// Whether training shall take Bf16 unless told otherwise: where it is the fastest, and its losses were
  /// seen to take the course of float32's.
  virtual bool trains_in_bf16() const { return false; }

  /// Whether one pass over two batches is faster than a pass over each: where one batch leaves the device
  /// partly idle. Such a backend's batch norm takes several batches at once.
  virtual bool joins_batches() const { return false; }

  /// Whether a Linear that gets flattened pictures, of more elements than its weight, shall take them as they
  /// lie, channels-last, and its weight be permuted instead: less to move, but sums in another order.
  virtual bool takes_pictures_as_they_lie() const { return false; }

  /// The type in which networks shall keep what flows between their layers, by the precision; float32 or
  /// bfloat16.
  virtual DType activation_type() const { return DType::Float32; }

  /// The algorithm of the convolutions and, on the CPU, of gemm from now on; Im2col where the device has no
  /// other.
  virtual void set_conv_algorithm(ConvAlgorithm algorithm) { conv_algorithm_ = algorithm; }
  virtual ConvAlgorithm conv_algorithm() const { return conv_algorithm_; }

  /// One line for people: processor or card, threads, instruction set, libraries.
  virtual std::string description() const = 0;
  virtual CachingAllocator& allocator() = 0;
  virtual void synchronize() = 0;

  // ---- work side by side ----
  /// Calls `work`, whose kernel calls may then run beside those that follow, where the device can do that:
  /// for work that leaves it partly idle. Until join() nothing may read what they write, or change what they
  /// read; memory that is freed meanwhile is not handed out again. Work given so keeps its order.
  virtual void beside(const std::function<void()>& work) { work(); }
  /// Whether it does: worth giving it work early, whose results take memory until they are needed.
  virtual bool runs_beside() const { return false; }
  /// What follows comes after all that was given to beside().
  virtual void join() {}
  /// The same where something has failed already, which is what is to be told.
  void join_after_failure() noexcept {
    try {
      join();
    } catch (const std::exception&) {
    }
  }

  // ---- recorded work ----
  /// Kernel calls that can be made again, with the same tensors, at the cost of one.
  class Recording {
   public:
    virtual ~Recording() = default;
    virtual void replay() = 0;
  };
  /// Calls `work`, whose kernel calls are recorded instead of executed; or returns null without calling it
  /// where the device cannot do so. `work` neither uploads nor downloads. Memory that it allocates stays with
  /// the recordings. See StepGraph.
  virtual std::unique_ptr<Recording> record(const std::function<void()>& work) {
    static_cast<void>(work);
    return nullptr;
  }

  // ---- memory; any element type ----
  /// Bytes under way to the host.
  class Download {
   public:
    virtual ~Download() = default;
    virtual bool arrived() const = 0;
    /// The bytes, valid while this lives; waits until they have arrived.
    virtual const void* data() = 0;
  };
  /// target = source: of one size and type, both on this device.
  virtual void copy(const Tensor& source, const Tensor& target) = 0;
  /// target's bytes() bytes from the host's memory, which may be changed when this returns.
  virtual void upload(const void* host, const Tensor& target) = 0;
  /// source's bytes() bytes into the host's memory; waits until they are there.
  virtual void download(const Tensor& source, void* host) = 0;
  /// Starts to copy `source` to the host without waiting for what computes it.
  virtual std::unique_ptr<Download> start_download(const Tensor& source) {
    return std::make_unique<ArrivedDownload>(*this, source);
  }
  /// Every element of x = value, converted to x's type.
  virtual void fill(const Tensor& x, double value) = 0;
  /// See RandomStream::fill. `position` is int64 (1): the first block to use, advanced past the last.
  virtual void random(const Distribution& distribution, uint64_t seed, uint64_t stream,
                      const Tensor& position, const Tensor& x) = 0;
  /// y = pixel_value(pixels): bytes (uint8) to the range of tanh.
  virtual void pixels_to_float(const Tensor& pixels, const Tensor& y) = 0;
  /// y (n, h, w, c) = pixel_value() of the pictures order[0], ..., order[n-1] of `set` (count, h, w, c;
  /// uint8), mirrored where `flips` says so. `order` is int64 (n).
  virtual void pick_pictures(const Tensor& set, const Tensor& order, const PictureFlips& flips,
                             const Tensor& y) = 0;

  // ---- element by element; all of one shape; y may be x, a or b ----
  /// y = f.value(x).
  virtual void unary(const Unary& f, const Tensor& x, const Tensor& y) = 0;
  /// dx = f.grad(saved, dy) or dx += that. `saved` is what f.saves names: the input, the output, or anything
  /// of that shape.
  virtual void unary_grad(const Unary& f, const Tensor& saved, const Tensor& dy, const Tensor& dx,
                          Write write) = 0;
  /// y = f.value(a, b).
  virtual void binary(const Binary& f, const Tensor& a, const Tensor& b, const Tensor& y) = 0;
  /// y = factor * a * b or y += factor * a * b; without b, y = factor * a.
  virtual void multiply_accumulate(const Tensor& a, const Tensor* b, double factor, const Tensor& y,
                                   Write write) = 0;
  /// y = x or y += x.
  void accumulate(const Tensor& x, const Tensor& y, Write write) {
    multiply_accumulate(x, nullptr, 1, y, write);
  }

  /// y = x or y += x for x and y of any floating types, bfloat16 among them.
  virtual void cast(const Tensor& x, const Tensor& y, Write write) = 0;

  /// `copy` = x (float32) in another form. Whose products read no other than bfloat16, has no other.
  virtual void write_form(const Tensor& x, Form form, const Tensor& copy) {
    check(form == Form::BFloat16, "[form] ", description(), " has no products that read it");
    cast(x, copy, Write::Set);
  }

  /// Whether a form that is made now may be kept: not while it is written beside other work, which would read
  /// it too early, nor while there are recordings, as a replay changes the forms alone that it knew of.
  virtual bool keeps_forms() const { return true; }

  // ---- layout ----
  /// y's dimension i is x's dimension dims[i]. On the CPU also for uint8.
  virtual void permute(const Tensor& x, std::span<const int> dims, const Tensor& y, Write write) = 0;
  /// Copies `count` runs of `length` elements: run i starts at element x_start + i * x_stride of x and
  /// y_start + i * y_stride of y. Slices, concatenation and their gradients are made of it.
  struct Runs {
    int64_t count, length, x_start, x_stride, y_start, y_stride;
  };
  virtual void copy_runs(const Runs& runs, const Tensor& x, const Tensor& y, Write write) = 0;

  // ---- reductions ----
  /// y (one element) = factor * sum of x.
  virtual void sum(const Tensor& x, double factor, const Tensor& y, Write write) = 0;
  /// y (cols) = column sums of x (rows, cols): the gradient of a bias.
  virtual void sum_rows(const Tensor& x, const Tensor& y, Write write) = 0;
  /// Every element of y = factor * x (one element), or += : the gradient of a sum.
  virtual void broadcast(const Tensor& x, double factor, const Tensor& y, Write write) = 0;
  /// y (rows, cols) += bias (cols), in place; any leading dimensions of y count as rows.
  virtual void add_bias(const Tensor& bias, const Tensor& y) = 0;

  // ---- products ----
  /// y (m, n) = op(a) op(b), where op(a) is (m, k), op(b) is (k, n), and op transposes if told to.
  virtual void gemm(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b, const Tensor& y,
                    Write write) = 0;
  /// The forward of conv2d: see Conv2dShape for the layouts.
  virtual void conv2d_fprop(const Conv2dShape& shape, const Tensor& x, const Tensor& weight, const Tensor& y,
                            Write write) = 0;
  /// Its gradient with respect to x. Also the forward of transposed convolution.
  virtual void conv2d_dgrad(const Conv2dShape& shape, const Tensor& dy, const Tensor& weight,
                            const Tensor& dx, Write write) = 0;
  /// Its gradient with respect to the weight.
  virtual void conv2d_wgrad(const Conv2dShape& shape, const Tensor& x, const Tensor& dy, const Tensor& dw,
                            Write write) = 0;

  // ---- batch normalisation; x is (rows, channels): all dimensions but the last count as rows ----
  // Where the backend joins_batches(), the rows may be those of several batches of one size: then mean,
  // variance, dweight and dbias are (batches, channels).
  /// Mean and biased variance of each channel, (channels). `running`, unless null, moves towards them, batch
  /// by batch: RunningUpdate.
  virtual void batch_norm_statistics(const Tensor& x, const Tensor& mean, const Tensor& variance,
                                     const RunningStatistics* running) = 0;
  /// y = batch_norm_value() of x with its channel's statistics, and weight and bias, (channels) of both.
  virtual void batch_norm_forward(const Tensor& x, const Tensor& mean, const Tensor& variance, double eps,
                                  const Tensor& weight, const Tensor& bias, const Tensor& y) = 0;
  /// Gradients of weight and bias, which are also the two sums that dx needs: dweight = sum dy * xhat, dbias
  /// = sum dy.
  virtual void batch_norm_backward_sums(const Tensor& x, const Tensor& dy, const Tensor& mean,
                                        const Tensor& variance, double eps, const Tensor& dweight,
                                        const Tensor& dbias) = 0;
  /// dx from those sums (overwritten, not accumulated ones); in evaluation, where the statistics are
  /// constants, `training` is false and the sums are not read.
  virtual void batch_norm_backward_input(const Tensor& x, const Tensor& dy, const Tensor& mean,
                                         const Tensor& variance, double eps, const Tensor& weight,
                                         const Tensor& dweight, const Tensor& dbias, bool training,
                                         const Tensor& dx, Write write) = 0;

  // ---- fused: composed of the kernels above, unless a backend does it in one pass ----
  /// y = f(conv2d_fprop(x, weight) + bias); without bias or f where they are null.
  virtual void conv2d_fprop_fused(const Conv2dShape& shape, const Tensor& x, const Tensor& weight,
                                  const Tensor* bias, const Unary* f, const Tensor& y) {
    conv2d_fprop(shape, x, weight, y, Write::Set);
    if (bias) add_bias(*bias, y);
    if (f) unary(*f, y, y);
  }
  /// dx = f(conv2d_dgrad(dy, weight) + bias): the forward of transposed convolution.
  virtual void conv2d_dgrad_fused(const Conv2dShape& shape, const Tensor& dy, const Tensor& weight,
                                  const Tensor* bias, const Unary* f, const Tensor& dx) {
    conv2d_dgrad(shape, dy, weight, dx, Write::Set);
    if (bias) add_bias(*bias, dx);
    if (f) unary(*f, dx, dx);
  }
  /// y = f(batch_norm_forward(x)).
  virtual void batch_norm_forward_fused(const Tensor& x, const Tensor& mean, const Tensor& variance,
                                        double eps, const Tensor& weight, const Tensor& bias, const Unary& f,
                                        const Tensor& y) {
    batch_norm_forward(x, mean, variance, eps, weight, bias, y);
    unary(f, y, y);
  }
  /// The gradients of batch_norm_forward_fused(), which gave y: dweight and dbias (overwritten), and dx where
  /// it is not null. In evaluation as batch_norm_backward_input() has it. `bias` is for backends that would
  /// rather compute y again than read it.
  virtual void batch_norm_backward_fused(const Tensor& x, const Tensor& y, const Tensor& dy,
                                         const Tensor& mean, const Tensor& variance, double eps,
                                         const Tensor& weight, const Tensor& bias, const Unary& f,
                                         bool training, const Tensor& dweight, const Tensor& dbias,
                                         const Tensor* dx, Write write) {
    static_cast<void>(bias);
    const Tensor inner = Tensor::empty_like(dy);
    unary_grad(f, y, dy, inner, Write::Set);
    batch_norm_backward_sums(x, inner, mean, variance, eps, dweight, dbias);
    if (dx)
      batch_norm_backward_input(x, inner, mean, variance, eps, weight, dweight, dbias, training, *dx, write);
  }

  // ---- losses ----
  /// y (one element) = mean over all elements of the loss of x against target.
  virtual void loss(const Loss& f, const Tensor& x, const Tensor& target, const Tensor& y) = 0;
  /// dx = dy (one element) * f.grad / numel.
  virtual void loss_grad(const Loss& f, const Tensor& x, const Tensor& target, const Tensor& dy,
                         const Tensor& dx, Write write) = 0;

  // ---- optimisers ----
  /// One step for all parameters at once; each one's form_copy() of every form is changed with it. `clock` is
  /// float64 (2): {learning rate, steps done}; counts itself up.
  virtual void optimizer_step(const Update& update, std::span<const ParameterState> parameters,
                              const Tensor& clock) = 0;

 private:
  /// Of a device that has no queue of its own.
  class ArrivedDownload final : public Download {
   public:
    ArrivedDownload(Kernels& kernels, const Tensor& source) : bytes_(source.bytes()) {
      kernels.download(source, bytes_.data());
    }
    bool arrived() const override { return true; }
    const void* data() override { return bytes_.data(); }

   private:
    std::vector<char> bytes_;
  };

  ConvAlgorithm conv_algorithm_ = ConvAlgorithm::Filtered;
};

/// The kernels of a device. Throws Error, saying why, where the device cannot be used. Defined by the one
/// factory, ops/backends.cpp, so that lib knows no backend.
Kernels& kernels(Device device);
/// Whether cuda:0 can be used. If not, `why_not`, unless null, gets the one line that kernels() would throw.
bool cuda_available(std::string* why_not = nullptr);

/// The first card where it can be used, else the CPU.
Device fastest_device();

}  // namespace duel
