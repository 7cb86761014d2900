// The fast product against a direct one in double precision, with every instruction set of this machine.
#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "lib/error.h"
#include "ops/cpu/cpu_features.h"
#include "ops/cpu/gemm.h"
#include "ops/cpu/gemm_scratch.h"
#include "tests/random_floats.h"

namespace duel::cpu {
namespace {

struct Size {
  int64_t m, n, k;
};

const Size sizes[] = {{1, 1, 1},     {1, 1, 300},   {5, 1, 4096},  {1, 37, 9},     {300, 1, 5},
                      {2, 3, 0},     {0, 3, 4},     {3, 0, 4},     {6, 16, 8},     {14, 32, 16},
                      {15, 33, 257}, {13, 48, 100}, {230, 70, 40}, {29, 200, 600}, {257, 100, 520}};

class CpuFastGemm : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    before_ = active_isa();
    if (!isa_supported(GetParam())) GTEST_SKIP() << "this machine has no " << isa_name(GetParam());
    force_isa(GetParam());
  }
  void TearDown() override { force_isa(before_); }

 private:
  Isa before_;
};

void expect_direct(const Size& s, bool transpose_a, bool transpose_b, Write write, const Epilogue& epilogue) {
  const std::vector<float> a = random_floats(s.m * s.k, 1), b = random_floats(s.k * s.n, 2);
  const std::vector<float> before = random_floats(s.m * s.n, 3);
  std::vector<float> c = before;
  sgemm(transpose_a, transpose_b, s.m, s.n, s.k, a.data(), b.data(), c.data(), write, epilogue);
  for (int64_t i = 0; i < s.m; ++i)
    for (int64_t j = 0; j < s.n; ++j) {
      const size_t at = static_cast<size_t>(i * s.n + j);
      double sum = write == Write::Add ? static_cast<double>(before[at]) : 0, scale = 2;
      for (int64_t k = 0; k < s.k; ++k) {
        const double term =
            static_cast<double>(a[static_cast<size_t>(transpose_a ? k * s.m + i : i * s.k + k)]) *
            static_cast<double>(b[static_cast<size_t>(transpose_b ? j * s.k + k : k * s.n + j)]);
        sum += term;
        scale += std::abs(term);
      }
      if (epilogue.bias != nullptr) sum += static_cast<double>(epilogue.bias[j]);
      if (epilogue.activation == Epilogue::Activation::Relu && sum < 0) sum = 0;
      ASSERT_NEAR(static_cast<double>(c[at]), sum, 1e-6 * scale) << "row " << i << " column " << j;
    }
}

TEST_P(CpuFastGemm, IsTheDirectProduct) {
  for (const Size& s : sizes)
    for (const bool transpose_a : {false, true})
      for (const bool transpose_b : {false, true})
        for (const Write write : {Write::Set, Write::Add}) {
          SCOPED_TRACE(
              concat(s.m, " x ", s.n, " x ", s.k, transpose_a ? " a^T" : "", transpose_b ? " b^T" : ""));
          expect_direct(s, transpose_a, transpose_b, write, {});
          if (HasFatalFailure()) return;
        }
}

/// To the nearest number with 7 bits behind the point, ties to even.
double rounded_to_bf16(float x) {
  uint32_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  bits += 0x7FFF + (bits >> 16 & 1);
  bits &= 0xFFFF0000;
  std::memcpy(&x, &bits, sizeof x);
  return static_cast<double>(x);
}

/// The factors are rounded, the sums are not: against the direct product of the rounded factors.
class CpuBf16Gemm : public CpuFastGemm {};

TEST_P(CpuBf16Gemm, IsTheDirectProductOfRoundedFactors) {
  if (!bf16_supported()) GTEST_SKIP() << "this machine has no AVX512-BF16";
  set_bf16(true);
  for (const Size& s : sizes)
    for (const bool transpose_a : {false, true})
      for (const bool transpose_b : {false, true}) {
        SCOPED_TRACE(
            concat(s.m, " x ", s.n, " x ", s.k, transpose_a ? " a^T" : "", transpose_b ? " b^T" : ""));
        const std::vector<float> a = random_floats(s.m * s.k, 1), b = random_floats(s.k * s.n, 2);
        std::vector<float> c = random_floats(s.m * s.n, 3);
        sgemm(transpose_a, transpose_b, s.m, s.n, s.k, a.data(), b.data(), c.data(), Write::Set, {});
        for (int64_t i = 0; i < s.m; ++i)
          for (int64_t j = 0; j < s.n; ++j) {
            double sum = 0, scale = 2;
            for (int64_t k = 0; k < s.k; ++k) {
              const double term =
                  rounded_to_bf16(a[static_cast<size_t>(transpose_a ? k * s.m + i : i * s.k + k)]) *
                  rounded_to_bf16(b[static_cast<size_t>(transpose_b ? j * s.k + k : k * s.n + j)]);
              sum += term;
              scale += std::abs(term);
            }
            EXPECT_NEAR(static_cast<double>(c[static_cast<size_t>(i * s.n + j)]), sum, 1e-6 * scale)
                << "row " << i << " column " << j;
          }
        if (HasFailure()) break;
      }
  set_bf16(false);
}

TEST_P(CpuFastGemm, AppliesTheEpilogue) {
  const std::vector<float> bias = random_floats(200, 4);
  for (const Size& s : sizes) {
    SCOPED_TRACE(concat(s.m, " x ", s.n, " x ", s.k));
    expect_direct(s, false, true, Write::Set,
                  {.bias = bias.data(), .activation = Epilogue::Activation::Relu});
    if (HasFatalFailure()) return;
  }
}

TEST_P(CpuFastGemm, TheSameBitsWithAnyNumberOfThreads) {
  const int before = omp_get_max_threads();
  for (const Size& s : sizes) {
    SCOPED_TRACE(concat(s.m, " x ", s.n, " x ", s.k));
    const std::vector<float> a = random_floats(s.m * s.k, 1), b = random_floats(s.k * s.n, 2);
    std::vector<float> one(static_cast<size_t>(s.m * s.n)), many = one;
    omp_set_num_threads(1);
    sgemm(false, true, s.m, s.n, s.k, a.data(), b.data(), one.data(), Write::Set);
    for (const int threads : {2, 3}) {
      omp_set_num_threads(threads);
      sgemm(false, true, s.m, s.n, s.k, a.data(), b.data(), many.data(), Write::Set);
      EXPECT_EQ(one, many) << threads << " threads";
    }
    omp_set_num_threads(before);
  }
}

TEST_P(CpuFastGemm, RepeatedCallsKeepTheirScratch) {
  const std::vector<float> a = random_floats(300 * 300, 1);
  std::vector<float> c(300 * 300);
  sgemm(false, false, 300, 300, 300, a.data(), a.data(), c.data(), Write::Set);
  const int64_t bytes = scratch_bytes();
  EXPECT_GT(bytes, 0);
  sgemm(false, false, 300, 300, 300, a.data(), a.data(), c.data(), Write::Set);
  sgemm(true, true, 100, 200, 30, a.data(), a.data(), c.data(), Write::Set);
  EXPECT_EQ(scratch_bytes(), bytes);
}

INSTANTIATE_TEST_SUITE_P(Isas, CpuBf16Gemm, testing::Values(Isa::Avx512, Isa::Amx),
                         [](const auto& param) { return isa_name(param.param); });
INSTANTIATE_TEST_SUITE_P(Isas, CpuFastGemm, testing::Values(Isa::Portable, Isa::Avx2, Isa::Avx512),
                         [](const auto& param) { return isa_name(param.param); });

}  // namespace
}  // namespace duel::cpu
