// Where a tensor lives.
#pragma once

#include <ostream>
#include <string>

namespace duel {

struct Device {
  enum class Kind { Cpu, Cuda };
  Kind kind = Kind::Cpu;
  int index = 0;

  bool operator==(const Device&) const = default;
  /// "cpu", "cuda:0".
  std::string str() const { return kind == Kind::Cpu ? "cpu" : "cuda:" + std::to_string(index); }
};

inline std::ostream& operator<<(std::ostream& out, const Device& device) { return out << device.str(); }

}  // namespace duel
