// The vector type of the templates in plain C++ with GCC's vectors of four floats: SSE2, NEON, or whatever
// the compiler makes of it.
#pragma once

#include <cstdint>
#include <cstring>

namespace duel::cpu {
namespace {

struct Portable {
  typedef float Reg __attribute__((vector_size(16)));
  typedef int32_t Int __attribute__((vector_size(16)));
  static constexpr int64_t width = 4;

  static Reg load(const float* p) {
    Reg x;
    std::memcpy(&x, p, sizeof x);
    return x;
  }
  static void store(float* p, Reg x) { std::memcpy(p, &x, sizeof x); }
  static Reg load_part(const float* p, int64_t count) {
    Reg x{};
    for (int64_t i = 0; i < count; ++i) x[i] = p[i];
    return x;
  }
  static void store_part(float* p, Reg x, int64_t count) {
    for (int64_t i = 0; i < count; ++i) p[i] = x[i];
  }
  static Reg broadcast(float x) { return Reg{x, x, x, x}; }
  static Reg fma(Reg a, Reg b, Reg c) { return a * b + c; }
  static Reg multiply_add(Reg left, Reg right, Reg sum) { return fma(left, right, sum); }
};

}  // namespace
}  // namespace duel::cpu
