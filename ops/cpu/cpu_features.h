// Which instruction set the CPU kernels use: the best that the processor has, or the one that is asked for.
#pragma once

namespace duel::cpu {

/// Portable is plain C++ (SSE2 or NEON by the compiler's own choice); the others need x86-64.
/// Amx is Avx512 with a matrix unit for products of bfloat16 factors; Linux grants its use on request.
enum class Isa { Portable, Avx2, Avx512, Amx };

/// "portable", "avx2", "avx512", "amx": the values of DUEL_CPU.
const char* isa_name(Isa isa);

/// Whether this processor and this build can run it.
bool isa_supported(Isa isa);

/// What the kernels use now. The first call reads the environment variable DUEL_CPU; without it, the best
/// supported one. Throws Error where DUEL_CPU names none, or one that this machine cannot run.
Isa active_isa();

/// Replaces that choice from now on. Throws Error where it is not supported.
void force_isa(Isa isa);

/// Whether products may take bfloat16 factors: from Avx512 on, on a processor that has AVX512-BF16.
bool bf16_supported();
/// Whether they do from now on; at first they do not. Throws Error where that is not supported.
void set_bf16(bool bf16);
bool active_bf16();

}  // namespace duel::cpu
