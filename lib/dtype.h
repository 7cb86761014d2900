// Element types of a tensor. Arithmetic is done in Float32 and Float64; BFloat16 stores what Float32 computed
// (see Kernels::activation_type), UInt8 holds pixels, Int64 counters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "lib/bfloat16.h"
#include "lib/error.h"

namespace duel {

enum class DType { Float32, Float64, BFloat16, UInt8, Int64 };

inline size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::Float32:
      return 4;
    case DType::BFloat16:
      return 2;
    case DType::UInt8:
      return 1;
    default:
      return 8;
  }
}

inline const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::Float32:
      return "float32";
    case DType::Float64:
      return "float64";
    case DType::BFloat16:
      return "bfloat16";
    case DType::UInt8:
      return "uint8";
    default:
      return "int64";
  }
}

inline bool is_floating(DType dtype) { return dtype != DType::UInt8 && dtype != DType::Int64; }

template <class T>
constexpr DType dtype_of() {
  constexpr bool is_whole = std::is_same_v<T, uint8_t> || std::is_same_v<T, int64_t>;
  static_assert(
      is_whole || std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, BFloat16>,
      "tensors hold float, double, BFloat16, uint8_t or int64_t");
  if constexpr (std::is_same_v<T, float>) return DType::Float32;
  if constexpr (std::is_same_v<T, double>) return DType::Float64;
  if constexpr (std::is_same_v<T, BFloat16>) return DType::BFloat16;
  return std::is_same_v<T, uint8_t> ? DType::UInt8 : DType::Int64;
}

/// Calls body(T{}) with T = float or double.
template <class Body>
void dispatch_float(DType dtype, const Body& body) {
  if (dtype == DType::Float32) return body(float{});
  if (dtype == DType::Float64) return body(double{});
  fail("arithmetic needs float32 or float64, got ", name_of(dtype));
}

/// Calls body(T{}) with T = float, double or BFloat16.
template <class Body>
void dispatch_stored_float(DType dtype, const Body& body) {
  if (dtype == DType::BFloat16) return body(BFloat16{});
  dispatch_float(dtype, body);
}

/// The type of an op's parameters (weights, biases, statistics) where its input is of type `x`: the same, but
/// Float32 for BFloat16, which has too few digits to add up small steps.
constexpr DType parameter_type(DType x) { return x == DType::BFloat16 ? DType::Float32 : x; }

}  // namespace duel
