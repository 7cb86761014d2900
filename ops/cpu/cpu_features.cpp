#include "ops/cpu/cpu_features.h"

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <atomic>
#include <cstdlib>
#include <string_view>

#include "lib/error.h"

namespace duel::cpu {
namespace {

constexpr Isa all_isas[] = {Isa::Amx, Isa::Avx512, Isa::Avx2, Isa::Portable};  // best first

Isa initial_isa() {
  const char* wanted = std::getenv("DUEL_CPU");
  if (wanted == nullptr || *wanted == '\0') {
    for (const Isa isa : all_isas)
      if (isa_supported(isa)) return isa;
  }
  for (const Isa isa : all_isas) {
    if (std::string_view(wanted) != isa_name(isa)) continue;
    check(isa_supported(isa), "[cpu] DUEL_CPU=", wanted,
          ": this processor or this build has no such instructions; unset DUEL_CPU to use the best that it "
          "has");
    return isa;
  }
  fail("[cpu] DUEL_CPU=", wanted, ": unknown; one of amx, avx512, avx2, portable");
}

std::atomic<bool> bf16_choice{false};

#if defined(__x86_64__)
/// Whether the matrix unit takes bfloat16. Older compilers' __builtin_cpu_supports() does not know it.
bool has_amx_bf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 22 & 1) != 0;
}

/// The registers of the matrix unit are so large that Linux saves them only for processes that ask for it.
bool request_tiles() {
#if defined(__linux__)
  constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return false;
#endif
}
#endif

std::atomic<Isa>& choice() {
  static std::atomic<Isa> isa{initial_isa()};
  return isa;
}

}  // namespace

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::Amx:
      return "amx";
    case Isa::Avx512:
      return "avx512";
    case Isa::Avx2:
      return "avx2";
    case Isa::Portable:
      break;
  }
  return "portable";
}

bool isa_supported(Isa isa) {
#if defined(__x86_64__)
  switch (isa) {
    case Isa::Amx: {
      static const bool granted = isa_supported(Isa::Avx512) && __builtin_cpu_supports("avx512bf16") &&
                                  has_amx_bf16() && request_tiles();
      return granted;
    }
    case Isa::Avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("fma");
    case Isa::Avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::Portable:
      break;
  }
#endif
  return isa == Isa::Portable;
}

Isa active_isa() { return choice().load(std::memory_order_relaxed); }

void force_isa(Isa isa) {
  check(isa_supported(isa), "[cpu] ", isa_name(isa),
        " was asked for, but this processor or this build has no such instructions");
  choice().store(isa, std::memory_order_relaxed);
}

bool bf16_supported() {
#if defined(__x86_64__)
  return active_isa() >= Isa::Avx512 && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

void set_bf16(bool bf16) {
  check(!bf16 || bf16_supported(),
        "[precision] bf16 needs a processor with AVX512-BF16, and DUEL_CPU not to ask for ",
        "older instructions; use float32");
  bf16_choice.store(bf16, std::memory_order_relaxed);
}

bool active_bf16() { return bf16_choice.load(std::memory_order_relaxed) && active_isa() >= Isa::Avx512; }

}  // namespace duel::cpu
