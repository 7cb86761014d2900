// What each op says to inputs that do not fit: one line with its name, the shapes and what would fit.
#include <gtest/gtest.h>

#include <functional>

#include "ops/activations.h"
#include "ops/arithmetic.h"
#include "ops/batch_norm.h"
#include "ops/conv2d.h"
#include "ops/dropout.h"
#include "ops/layout.h"
#include "ops/losses.h"
#include "ops/matmul.h"
#include "ops/reductions.h"
#include "tests/files.h"
#include "tests/tensors.h"

namespace duel {
namespace {

struct BadCall {
  const char* name;
  std::function<Tensor()> call;
  const char* message;
};

void PrintTo(const BadCall& bad, std::ostream* out) { *out << bad.name; }

Tensor zeros(const Shape& shape, DType dtype = DType::Float32) { return Tensor::zeros(shape, dtype); }

Tensor run_dropout(const Tensor& x, double p) {
  RandomStream stream(1, Stream::Dropout);
  return dropout(x, p, true, stream);
}

constexpr DType k64 = DType::Float64;

const BadCall kBadCalls[] = {
    {"relu_missing", [] { return relu({}); }, "[relu] x is missing"},
    {"relu_bytes", [] { return relu(zeros({2}, DType::UInt8)); },
     "[relu] x must hold float32 or float64, or bfloat16 on a card; got uint8 of shape (2) on cpu"},
    {"leaky_relu_slope", [] { return leaky_relu(zeros({2}), -0.1); },
     "[leaky_relu] negative_slope must not be negative, got -0.1"},

    {"leaky_relu_slope_fused",
     [] {
       return conv2d(zeros({1, 1, 1, 1}), zeros({1, 1, 1, 1}), {}, {1, 1}, {0, 0}, LeakyRelu{-0.1});
     },
     "[activation] negative_slope must not be negative, got -0.1"},

    {"add_missing", [] { return add(zeros({2}), {}); }, "[add] an input is missing"},
    {"add_shapes",
     [] {
       return add(zeros({2, 3}), zeros({3, 2}));
     },
     "[add] b must have shape (2, 3), got (3, 2)"},
    {"sub_no_broadcast",
     [] {
       return sub(zeros({2, 3}), zeros({3}));
     },
     "[sub] b must have shape (2, 3), got (3)"},
    {"mul_types", [] { return mul(zeros({2}), zeros({2}, k64)); },
     "[mul] inputs differ in type: float32 and float64"},

    {"mul_counters", [] { return mul(zeros({2}, DType::Int64), zeros({2}, DType::Int64)); },
     "[mul] a must hold float32 or float64, or bfloat16 on a card; got int64 of shape (2) on cpu"},

    {"sum_missing", [] { return sum({}); }, "[sum] x is missing"},
    {"mean_of_nothing",
     [] {
       return mean(zeros({0, 3}));
     },
     "[mean] needs at least one element"},

    {"matmul_inner",
     [] {
       return matmul(zeros({2, 3}), zeros({2, 3}));
     },
     "[matmul] shapes (2, 3) and (2, 3) do not multiply: a must be (M, K) and b (K, N)"},
    {"matmul_dims",
     [] {
       return matmul(zeros({2, 3, 4}), zeros({4, 3}));
     },
     "[matmul] shapes (2, 3, 4) and (4, 3) do not multiply: a must be (M, K) and b (K, N)"},
    {"linear_inner",
     [] {
       return linear(zeros({2, 3}), zeros({5, 4}));
     },
     "[linear] x must be (N, in) and weight (out, in), got (2, 3) and (5, 4)"},
    {"linear_channels_last_inner",
     [] {
       return linear_channels_last(zeros({2, 3, 4, 5}), zeros({5, 61}));
     },
     "[linear_channels_last] x must be (N, H, W, C) and weight (out, C * H * W), got (2, 3, 4, 5) and (5, "
     "61)"},
    {"linear_channels_last_rows",
     [] {
       return linear_channels_last(zeros({2, 60}), zeros({5, 60}));
     },
     "[linear_channels_last] x must be (N, H, W, C) and weight (out, C * H * W), got (2, 60) and (5, 60)"},
    {"linear_channels_last_bias",
     [] {
       return linear_channels_last(zeros({2, 3, 4, 5}), zeros({5, 60}), zeros({3}));
     },
     "[linear_channels_last] bias must have shape (5), got (3)"},
    {"linear_bias",
     [] {
       return linear(zeros({2, 3}), zeros({5, 3}), zeros({3}));
     },
     "[linear] bias must have shape (5), got (3)"},
    {"linear_bias_type",
     [] {
       return linear(zeros({2, 3}), zeros({5, 3}), zeros({5}, k64));
     },
     "[linear] inputs differ in type: float32 and float64"},

    {"conv2d_dims",
     [] {
       return conv2d(zeros({8, 8, 3}), zeros({4, 3, 3, 3}));
     },
     "[conv2d] x must be (N, H, W, C) and weight 4-dimensional, got (8, 8, 3) and (4, 3, 3, 3)"},
    {"conv2d_channels",
     [] {
       return conv2d(zeros({1, 8, 8, 3}), zeros({4, 3, 3, 2}));
     },
     "[conv2d] x has 3 channels, weight (4, 3, 3, 2) expects 2"},
    {"conv2d_small_picture",
     [] {
       return conv2d(zeros({1, 2, 9, 3}), zeros({4, 5, 5, 3}), {}, {1, 1}, {1, 0});
     },
     "[conv2d] a kernel of 5 x 5 does not fit a picture of 2 x 9 with padding 1, 0"},
    {"conv2d_stride",
     [] {
       return conv2d(zeros({1, 8, 8, 3}), zeros({4, 3, 3, 3}), {}, {0, 1});
     },
     "[conv2d] stride must be at least 1, got (0, 1)"},
    {"conv2d_padding",
     [] {
       return conv2d(zeros({1, 8, 8, 3}), zeros({4, 3, 3, 3}), {}, {1, 1}, {0, -1});
     },
     "[conv2d] padding must not be negative, got (0, -1)"},
    {"conv2d_empty_weight",
     [] {
       return conv2d(zeros({1, 8, 8, 3}), zeros({4, 0, 3, 3}));
     },
     "[conv2d] weight is empty: (4, 0, 3, 3)"},
    {"conv2d_bias",
     [] {
       return conv2d(zeros({1, 8, 8, 3}), zeros({4, 3, 3, 3}), zeros({3}));
     },
     "[conv2d] bias must have shape (4), got (3)"},
    {"conv2d_bias_type",
     [] {
       return conv2d(zeros({1, 8, 8, 3}), zeros({4, 3, 3, 3}), zeros({4}, k64));
     },
     "[conv2d] inputs differ in type: float32 and float64"},

    {"conv2d_bf16",
     [] {
       return conv2d(zeros({1, 8, 8, 3}, DType::BFloat16), zeros({4, 3, 3, 3}));
     },
     "[conv2d] x must hold float32 or float64, or bfloat16 on a card; got bfloat16 of shape (1, 8, 8, 3) on "
     "cpu: "
     "convert it by to(DType::Float32)"},
    {"conv2d_far_stride",
     [] {
       return conv2d(zeros({1, 8, 8, 3}), zeros({4, 3, 3, 3}), {}, {int64_t{1} << 62, 1});
     },
     "[conv2d] sizes, stride and padding must be less than 2^30, got 4611686018427387904 with x (1, 8, 8, 3) "
     "and "
     "weight (4, 3, 3, 3)"},

    {"conv_transpose2d_channels",
     [] {
       return conv_transpose2d(zeros({1, 2, 2, 3}), zeros({4, 3, 3, 3}));
     },
     "[conv_transpose2d] x has 3 channels, weight (4, 3, 3, 3) expects 4"},
    {"conv_transpose2d_output_padding",
     [] {
       return conv_transpose2d(zeros({1, 2, 2, 3}), zeros({3, 3, 3, 4}), {}, {2, 2}, {1, 1}, {0, 2});
     },
     "[conv_transpose2d] output_padding must be at least 0 and less than the stride 2, got 2"},
    {"conv_transpose2d_nothing_left",
     [] {
       return conv_transpose2d(zeros({1, 1, 1, 3}), zeros({3, 3, 3, 4}), {}, {1, 1}, {2, 0});
     },
     "[conv_transpose2d] the result would have -1 x 3 pixels"},
    {"conv_transpose2d_no_pixels",
     [] {
       return conv_transpose2d(zeros({1, 0, 2, 3}), zeros({3, 3, 3, 4}));
     },
     "[conv_transpose2d] x has no pixels: (1, 0, 2, 3)"},
    {"conv_transpose2d_bias",
     [] {
       return conv_transpose2d(zeros({1, 2, 2, 3}), zeros({3, 3, 3, 4}), zeros({3}));
     },
     "[conv_transpose2d] bias must have shape (4), got (3)"},

    {"batch_norm_dims", [] { return batch_norm(zeros({3}), zeros({3}), zeros({3}), {}, {}); },
     "[batch_norm] x must be (..., C) with at least 2 dimensions, got (3)"},
    {"batch_norm_weight",
     [] {
       return batch_norm(zeros({2, 3}), zeros({2}), zeros({3}), {}, {});
     },
     "[batch_norm] weight must have shape (3), got (2)"},
    {"batch_norm_batch_1",
     [] {
       return batch_norm(zeros({1, 3}), zeros({3}), zeros({3}), {}, {});
     },
     "[batch_norm] training needs more than one value a channel, x has shape (1, 3); use a larger batch"},
    {"batch_norm_batches",
     [] {
       return batch_norm(zeros({5, 3}), zeros({3}), zeros({3}), {}, {}, {.batches = 2});
     },
     "[batch_norm] x of shape (5, 3) is not 2 batches of one size"},
    {"batch_norm_no_batches",
     [] {
       return batch_norm(zeros({5, 3}), zeros({3}), zeros({3}), {}, {}, {.batches = 0});
     },
     "[batch_norm] x of shape (5, 3) is not 0 batches of one size"},
    {"batch_norm_batches_of_1",
     [] {
       return batch_norm(zeros({2, 3}), zeros({3}), zeros({3}), {}, {}, {.batches = 2});
     },
     "[batch_norm] training needs more than one value a channel, x has shape (2, 3) in 2 batches; use a "
     "larger batch"},
    {"batch_norm_no_statistics",
     [] {
       return batch_norm(zeros({2, 3}), zeros({3}), zeros({3}), {}, {}, {.training = false});
     },
     "[batch_norm] evaluation needs running_mean and running_var"},
    {"batch_norm_half_the_statistics",
     [] {
       return batch_norm(zeros({2, 3}), zeros({3}), zeros({3}), zeros({3}), {});
     },
     "[batch_norm] running_mean and running_var are given together or not at all"},
    {"batch_norm_statistics",
     [] {
       return batch_norm(zeros({2, 3}), zeros({3}), zeros({3}), zeros({3}), zeros({1}));
     },
     "[batch_norm] running_var must have shape (3), got (1)"},
    {"batch_norm_statistics_type",
     [] {
       return batch_norm(zeros({2, 3}), zeros({3}), zeros({3}), zeros({3}, k64), zeros({3}, k64));
     },
     "[batch_norm] inputs differ in type: float32 and float64"},

    {"batch_norm_eps",
     [] {
       return batch_norm(zeros({2, 3}), zeros({3}), zeros({3}), {}, {}, {.eps = -1});
     },
     "[batch_norm] eps must be finite and not negative, got -1"},

    {"dropout_missing", [] { return run_dropout({}, 0.5); }, "[dropout] x is missing"},
    {"dropout_p_1", [] { return run_dropout(zeros({2}), 1); }, "[dropout] p must be in [0, 1), got 1"},
    {"dropout_p_negative", [] { return run_dropout(zeros({2}), -0.5); },
     "[dropout] p must be in [0, 1), got -0.5"},

    {"bce_with_logits_shapes",
     [] {
       return bce_with_logits(zeros({4, 1}), zeros({4}));
     },
     "[bce_with_logits] target must have shape (4, 1), got (4)"},
    {"bce_with_logits_of_nothing", [] { return bce_with_logits(zeros({0}), zeros({0})); },
     "[bce_with_logits] needs at least one element"},
    {"bce_target_with_gradient", [] { return bce(zeros({1}), zeros({1}).set_requires_grad(true)); },
     "[bce] target gets no gradient; detach() it"},

    {"reshape_count",
     [] {
       return reshape(zeros({2, 3}), {4});
     },
     "[reshape] shape (4) does not hold the elements of x, which has shape (2, 3)"},
    {"permute_count",
     [] {
       return permute(zeros({2, 3}), {0});
     },
     "[permute] dims has 1 entries; it needs one for each dimension of shape (2, 3), and at least one"},
    {"permute_scalar", [] { return permute(zeros({}), {}); },
     "[permute] dims has 0 entries; it needs one for each dimension of shape (), and at least one"},
    {"permute_twice",
     [] {
       return permute(zeros({2, 3}), {1, 1});
     },
     "[permute] dims must name each dimension of shape (2, 3) once; entry 1 is 1"},
    {"permute_beyond",
     [] {
       return permute(zeros({2, 3}), {0, 2});
     },
     "[permute] dims must name each dimension of shape (2, 3) once; entry 1 is 2"},
    {"slice_dim",
     [] {
       return slice(zeros({2, 3}), 2, 0, 1);
     },
     "[slice] dim 2 is beyond shape (2, 3)"},
    {"slice_length",
     [] {
       return slice(zeros({2, 3}), 1, 2, 2);
     },
     "[slice] 2 + 2 is beyond dimension 1 of shape (2, 3)"},
    {"permute_int64",
     [] {
       return permute(zeros({2, 2}, DType::Int64), {1, 0});
     },
     "[permute] x must hold float32 or float64, or bfloat16 on a card; got int64 of shape (2, 2) on cpu"},
    {"slice_bytes", [] { return slice(zeros({2}, DType::UInt8), 0, 0, 1); },
     "[slice] x must hold float32 or float64, or bfloat16 on a card; got uint8 of shape (2) on cpu"},
    {"concatenate_nothing", [] { return concatenate({}, 0); }, "[concatenate] needs at least one tensor"},
    {"concatenate_shapes",
     [] {
       return concatenate({zeros({2, 3}), zeros({2, 4})}, 0);
     },
     "[concatenate] each tensor must have shape (2, 3), got (2, 4)"},
    {"concatenate_dims",
     [] {
       return concatenate({zeros({2, 3}), zeros({2})}, 1);
     },
     "[concatenate] dim 1 is beyond shape (2)"},
    {"concatenate_types",
     [] {
       return concatenate({zeros({2}), zeros({2}, k64)}, 0);
     },
     "[concatenate] inputs differ in type: float32 and float64"},
};

class OpErrors : public testing::TestWithParam<BadCall> {};

TEST_P(OpErrors, NameTheOpAndTheShapes) {
  EXPECT_EQ(error_of([] { GetParam().call(); }), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(Calls, OpErrors, testing::ValuesIn(kBadCalls),
                         [](const auto& bad) { return std::string(bad.param.name); });

}  // namespace
}  // namespace duel
